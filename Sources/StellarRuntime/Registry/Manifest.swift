package import FoundationEssentials

/// A reference to an object of an image: its media type, digest and size in bytes (OCI image specification, "Content
/// Descriptors").
package struct Descriptor: Sendable, Hashable, Codable {
    package var mediaType: String
    package var digest: ContentDigest
    package var size: Int64
    package var annotations: [String: String]?
    package var platform: Platform?

    package init(mediaType: String, digest: ContentDigest, size: Int64, platform: Platform? = nil) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
    }

    package var kind: MediaType.Kind { MediaType.kind(of: mediaType) }
}

/// One image for one platform: its configuration and its layers, bottom first.
package struct ImageManifest: Sendable, Hashable {
    package let configuration: Descriptor
    package let layers: [Descriptor]
}

/// A list of images, one for each platform.
package struct ImageIndex: Sendable, Hashable {
    package let manifests: [Descriptor]

    /// The image that suits `platform` best; among equals the first.
    ///
    /// A single image in an index without any platform is assumed to fit.
    package func best(for platform: Platform) -> Descriptor? {
        var best: (rank: Int, descriptor: Descriptor)?
        for descriptor in manifests {
            guard let rank = descriptor.platform.flatMap({ platform.rank(of: $0) }) else { continue }
            if rank < best?.rank ?? Int.max { best = (rank, descriptor) }
        }
        if let best { return best.descriptor }
        if let only = manifests.first, manifests.count == 1, only.platform == nil { return only }
        return nil
    }

    /// The index's platforms, for messages: each once, in the index's order.
    package var platforms: [Platform] {
        var seen: Set<Platform> = []
        return manifests.compactMap(\.platform).filter { $0.os != "unknown" && seen.insert($0).inserted }
    }
}

/// The response to a manifest request: one image, or a list of images.
package enum ManifestDocument: Sendable, Hashable {
    case manifest(ImageManifest)
    case index(ImageIndex)

    /// The largest manifest or index: 4 MiB, as registries themselves refuse larger ones (OCI distribution
    /// specification, "Pushing Manifests").
    package static let maximumSize = 4 << 20
    /// The most layers of an image. overlayfs stacks at most 500 lower directories; real images have fewer than 130.
    package static let maximumLayers = 500
    /// The most entries of an index; the largest published have a few dozen.
    package static let maximumManifests = 1000
    /// The largest configuration. It is parsed in memory; real ones have some kilobytes.
    package static let maximumConfigurationSize: Int64 = 8 << 20

    /// The document before validation.
    private struct Raw: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var config: Descriptor?
        var layers: [Descriptor]?
        var manifests: [Descriptor]?
        var fsLayers: [Ignored]?

        struct Ignored: Decodable {}
    }

    /// Parses a manifest or an index.
    ///
    /// - Parameters:
    ///   - bytes: the document, JSON.
    ///   - mediaType: the type by the descriptor or the registry's `Content-Type`.
    ///   - name: the image's name, for messages.
    /// - Throws: ``ImageError``: not JSON, an unsupported kind, or beyond a limit.
    package init(parsing bytes: Data, mediaType: String, name: String) throws(ImageError) {
        guard bytes.count <= Self.maximumSize else {
            throw ImageError(.tooLarge, "image \(name): manifest of \(bytes.count) bytes is larger than 4 MiB")
        }
        let raw: Raw
        do {
            raw = try JSONDecoder().decode(Raw.self, from: bytes)
        } catch {
            throw ImageError(.corrupt, "image \(name): cannot decode the manifest: \(Self.explain(error))")
        }
        var kind = MediaType.kind(of: raw.mediaType ?? mediaType)
        if raw.schemaVersion == 1 || raw.fsLayers != nil { kind = .schema1 }
        // Different tools could take a document that is both for different images (CVE-2021-41190).
        if raw.manifests != nil && (raw.layers != nil || raw.config != nil) {
            throw ImageError(.corrupt, "image \(name): the document is both a manifest and an index")
        }
        if kind == .unknown, raw.mediaType == nil {
            kind = raw.manifests != nil ? .index : raw.layers != nil ? .manifest : .unknown
        }
        switch kind {
        case .manifest:
            self = .manifest(try Self.manifest(raw, name: name))
        case .index:
            self = .index(try Self.index(raw, name: name))
        case .schema1:
            throw ImageError(
                .unsupported,
                "image \(name) has a Docker schema 1 manifest, which is no longer supported; build and push it again"
            )
        default:
            throw ImageError(
                .unsupported,
                "\(name) is not a container image: its media type is '\(raw.mediaType ?? mediaType)'"
            )
        }
    }

    private static func manifest(_ raw: Raw, name: String) throws(ImageError) -> ImageManifest {
        guard let configuration = raw.config, let layers = raw.layers else {
            throw ImageError(.corrupt, "image \(name): the manifest has no 'config' or no 'layers'")
        }
        guard layers.count <= maximumLayers else {
            throw ImageError(
                .tooLarge,
                "image \(name) has \(layers.count) layers; the limit is \(maximumLayers)"
            )
        }
        guard configuration.kind == .configuration else {
            throw ImageError(
                .unsupported,
                "\(name) is not a container image: its configuration is of type '\(configuration.mediaType)'"
            )
        }
        guard (0...maximumConfigurationSize).contains(configuration.size) else {
            throw ImageError(
                .tooLarge,
                "image \(name): the configuration has \(configuration.size) bytes; "
                    + "the limit is \(maximumConfigurationSize)"
            )
        }
        for layer in layers {
            guard layer.size >= 0 else {
                throw ImageError(.corrupt, "image \(name): layer \(layer.digest) has a size of \(layer.size) bytes")
            }
            switch layer.kind {
            case .layer: continue
            case .foreignLayer:
                throw ImageError(
                    .unsupported,
                    "image \(name): layer \(layer.digest) is stored outside of the registry ('\(layer.mediaType)'), "
                        + "as for Windows images; use an image for Linux"
                )
            default:
                throw ImageError(
                    .unsupported,
                    "image \(name): layer \(layer.digest) is of type '\(layer.mediaType)', "
                        + "not a tar archive that is plain, gzip or zstd"
                )
            }
        }
        return ImageManifest(configuration: configuration, layers: layers)
    }

    private static func index(_ raw: Raw, name: String) throws(ImageError) -> ImageIndex {
        guard let manifests = raw.manifests else {
            throw ImageError(.corrupt, "image \(name): the index has no 'manifests'")
        }
        guard manifests.count <= maximumManifests else {
            throw ImageError(
                .tooLarge,
                "image \(name): the index has \(manifests.count) images; the limit is \(maximumManifests)"
            )
        }
        for manifest in manifests where manifest.size < 0 || manifest.size > Int64(maximumSize) {
            throw ImageError(
                .corrupt,
                "image \(name): manifest \(manifest.digest) has a size of \(manifest.size) bytes"
            )
        }
        return ImageIndex(manifests: manifests)
    }

    /// A decoding error in one line, with the path to the value.
    package static func explain(_ error: any Error) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
            let reason = context.debugDescription
            return path.isEmpty ? reason : "\(path.hasPrefix(".") ? String(path.dropFirst()) : path): \(reason)"
        }
        switch error {
        case DecodingError.dataCorrupted(let context): return place(context)
        case DecodingError.keyNotFound(let key, let context): return place(context) + " (\(key.stringValue))"
        case DecodingError.typeMismatch(_, let context): return place(context)
        case DecodingError.valueNotFound(_, let context): return place(context)
        default: return String(describing: error)
        }
    }
}
