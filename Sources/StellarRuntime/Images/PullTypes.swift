/// The options of a pull.
public struct PullOptions: Sendable, Hashable {
    /// The platform to choose from an index; nil for this machine's.
    public var platform: Platform?
    /// The snapshotter that unpacks the layers.
    public var snapshotter: String
    /// The registry's configuration files.
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

/// The progress of one part of an image in a pull.
public struct PullProgress: Sendable, Hashable {
    /// The kind of part.
    public enum Kind: String, Sendable, Hashable {
        /// The image as a whole.
        case image
        case index
        case manifest
        case configuration
        case layer
    }

    /// The state of a part.
    public enum State: String, Sendable, Hashable {
        /// The name is being resolved at the registry.
        case resolving
        /// The name's digest is known.
        case resolved
        /// It waits for its turn, or another pull fetches it.
        case waiting
        case downloading
        /// It exists already; nothing is fetched.
        case exists
        case downloaded
        case unpacking
        /// A layer is unpacked; for the image: the pull is complete.
        case done
    }

    /// The image's full name.
    public var reference: String
    /// The digest of the part; empty until it is known.
    public var digest: String
    public var kind: Kind
    public var state: State
    /// Bytes fetched so far.
    public var offset: Int64
    /// Bytes in all; 0 until known.
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
