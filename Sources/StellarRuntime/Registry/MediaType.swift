/// The media types of a registry's objects (OCI image specification, "Media Types"; Docker's image manifest version 2,
/// schema 2).
package enum MediaType {
    package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    package static let ociIndex = "application/vnd.oci.image.index.v1+json"
    package static let ociConfiguration = "application/vnd.oci.image.config.v1+json"
    package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
    package static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"
    package static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"

    /// The types that a manifest request accepts, best first.
    package static let acceptedManifests = [dockerManifest, dockerIndex, ociManifest, ociIndex]

    package enum Compression: Sendable, Hashable {
        case none
        case gzip
        case zstd
    }

    package enum Kind: Sendable, Hashable {
        case manifest
        case index
        case configuration
        case layer(Compression)
        /// A layer that its publisher stores elsewhere (Windows base layers); unsupported on Linux.
        case foreignLayer
        /// Docker's manifest of 2015, without content digests; no registry or runtime supports it any more.
        case schema1
        case unknown
    }

    /// Classifies a media type; ignores parameters (`; charset=…`) and letter case.
    package static func kind(of mediaType: String) -> Kind {
        let bare = mediaType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        switch bare {
        case ociManifest, dockerManifest: return .manifest
        case ociIndex, dockerIndex: return .index
        case ociConfiguration, dockerConfiguration: return .configuration
        case ociLayer, dockerLayer: return .layer(.none)
        case ociLayer + "+gzip", dockerLayer + ".gzip": return .layer(.gzip)
        case ociLayer + "+zstd", dockerLayer + ".zstd": return .layer(.zstd)
        default: break
        }
        if bare.hasPrefix("application/vnd.docker.distribution.manifest.v1+") { return .schema1 }
        if bare.hasPrefix("application/vnd.docker.image.rootfs.foreign.diff.tar")
            || bare.hasPrefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
        {
            return .foreignLayer
        }
        return .unknown
    }
}
