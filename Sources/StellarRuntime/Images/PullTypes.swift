/// How an image is pulled.
public struct PullOptions: Sendable, Hashable {
    /// The platform to choose from an index; nil for this machine's.
    public var platform: Platform?
    /// The snapshotter that the layers are unpacked with.
    public var snapshotter: String
    /// Where from, and with which credentials.
    public var registry: RegistryOptions

    public init(
        platform: Platform? = nil,
        snapshotter: String = ContainerRuntime.defaultSnapshotter,
        registry: RegistryOptions = RegistryOptions()
    ) {
        self.platform = platform
        self.snapshotter = snapshotter
        self.registry = registry
    }
}

/// A step of a pull: one part of the image, and how far it is.
public struct PullProgress: Sendable, Hashable {
    /// What is pulled.
    public enum Kind: String, Sendable, Hashable {
        /// The image as a whole.
        case image
        case index
        case manifest
        case configuration
        case layer
    }

    /// How far it is.
    public enum State: String, Sendable, Hashable {
        /// The registry is asked what the name stands for.
        case resolving
        /// The name's digest is known.
        case resolved
        /// Its turn has not come, or another pull is fetching it.
        case waiting
        case downloading
        /// Nothing to fetch: it is there already.
        case exists
        case downloaded
        case unpacking
        /// A layer is unpacked; of the image: all is done.
        case done
    }

    /// The image's full name.
    public var reference: String
    /// The digest of the part; empty as long as it is not known.
    public var digest: String
    public var kind: Kind
    public var state: State
    /// Bytes that are there.
    public var offset: Int64
    /// Bytes in all; 0 as long as it is not known.
    public var total: Int64

    public init(reference: String, digest: String, kind: Kind, state: State, offset: Int64 = 0, total: Int64 = 0) {
        self.reference = reference
        self.digest = digest
        self.kind = kind
        self.state = state
        self.offset = offset
        self.total = total
    }
}
