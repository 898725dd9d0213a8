public import FoundationEssentials

/// An image in containerd.
public struct ImageInfo: Sendable, Hashable {
    /// The full name: `docker.io/library/redis:latest`.
    public var name: String
    /// The digest of the manifest or index that the name points to.
    public var digest: String
    public var mediaType: String
    /// Bytes of manifest, configuration and compressed layers for this machine's platform; 0 if it has none for it.
    public var size: Int64
    /// When the name was first pulled on this node.
    public var created: Date?
    /// When the name last got another digest.
    public var updated: Date?
    public var labels: [String: String]

    public init(
        name: String,
        digest: String,
        mediaType: String,
        size: Int64,
        created: Date? = nil,
        updated: Date? = nil,
        labels: [String: String] = [:]
    ) {
        self.name = name
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
        self.created = created
        self.updated = updated
        self.labels = labels
    }
}
