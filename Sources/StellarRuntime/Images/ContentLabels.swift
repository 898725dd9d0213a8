/// The labels that link an image's parts, for containerd's garbage collector and clients (containerd,
/// docs/garbage-collection.md and docs/content-flow.md).
package enum ContentLabels {
    /// The digest of a layer's uncompressed form.
    package static let uncompressed = "containerd.io/uncompressed"
    /// The chain id that a snapshot will have.
    package static let snapshotReference = "containerd.io/snapshot.ref"
    /// When a lease ends by itself, RFC 3339.
    package static let expiry = "containerd.io/gc.expire"
    /// The image that a lease of Stellar's was made for; it finds leases after a crash.
    package static let pull = "stellar.io/pull"
    /// The longest label that containerd accepts, key and value together.
    package static let maximumLength = 4096

    /// From the configuration to the snapshot of its topmost layer.
    package static func snapshot(_ snapshotter: String) -> String { "containerd.io/gc.ref.snapshot.\(snapshotter)" }

    /// From an index to its manifests.
    package static func children(of index: ImageIndex) -> [String: String] {
        numbered("containerd.io/gc.ref.content.m", index.manifests)
    }

    /// From a manifest to its configuration and layers.
    package static func children(of manifest: ImageManifest) -> [String: String] {
        var labels = numbered("containerd.io/gc.ref.content.l", manifest.layers)
        labels["containerd.io/gc.ref.content.config"] = manifest.configuration.digest.description
        return labels
    }

    private static func numbered(_ key: String, _ descriptors: [Descriptor]) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: descriptors.enumerated().map {
                ("\(key).\($0.offset)", $0.element.digest.description)
            }
        )
    }

    /// The key for the source of content: it names the registry's host without its port.
    package static func source(of registry: String) -> String {
        var host = Substring(registry)
        if let colon = host.lastIndex(of: ":"), host[colon...].dropFirst().allSatisfy(\.isNumber) {
            host = host[..<colon]
        }
        return "containerd.io/distribution.source.\(host)"
    }

    /// The repositories that content came from, with `repository` added: sorted, unique, separated by commas. Nil if
    /// nothing changes, or if the label would be too long.
    package static func sources(_ present: String?, adding repository: String, key: String) -> String? {
        let known = Set((present ?? "").split(separator: ",").map(String.init))
        guard !known.contains(repository) else { return nil }
        let value = known.union([repository]).sorted().joined(separator: ",")
        return key.utf8.count + value.utf8.count <= maximumLength ? value : nil
    }
}
