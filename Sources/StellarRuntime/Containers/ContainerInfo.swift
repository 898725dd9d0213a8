public import FoundationEssentials

/// A container as containerd has it, with its task.
public struct ContainerInfo: Sendable, Hashable {
    /// The container's process.
    public struct Task: Sendable, Hashable {
        /// The state of the process.
        public enum Status: Sendable, Hashable {
            /// Set up, not started.
            case created
            /// Running.
            case running
            /// Has exited and waits to be deleted.
            case stopped
            /// Frozen, or about to be.
            case paused
            /// The shim does not respond, or reports a status that is not known here.
            case unknown
        }

        /// Process id in the node's pid namespace; 0 when the process has exited.
        public var pid: UInt32
        /// The state of the process.
        public var status: Status
        /// How the process ended; nil unless ``status`` is ``Status/stopped``.
        public var exit: ExitStatus?

        /// Makes a task.
        public init(pid: UInt32, status: Status, exit: ExitStatus? = nil) {
            self.pid = pid
            self.status = status
            self.exit = exit
        }
    }

    /// A typed document stored with the container (`google.protobuf.Any`).
    public struct Document: Sendable, Hashable {
        /// The type's URL, as it is on the wire.
        public var typeURL: String
        /// The encoded document.
        public var value: [UInt8]

        /// Makes a document.
        public init(typeURL: String, value: [UInt8]) {
            self.typeURL = typeURL
            self.value = value
        }
    }

    /// The container's id.
    public var id: String
    /// The reference of its image.
    public var image: String
    /// Its labels.
    public var labels: [String: String]
    /// The OCI runtime specification: type URL ``specificationTypeURL``, JSON.
    public var specification: Document
    /// The snapshotter of its root file system.
    public var snapshotter: String
    /// The name of its snapshot.
    public var snapshotKey: String
    /// The containerd runtime, `io.containerd.runc.v2`.
    public var runtime: String
    /// Documents that clients store with it.
    public var extensions: [String: Document]
    /// When it was made.
    public var created: Date
    /// Its task; nil when none runs or waits to be deleted.
    public var task: Task?

    /// The type of ``specification``.
    public static let specificationTypeURL = "types.containerd.io/opencontainers/runtime-spec/1/Spec"

    /// Makes a description.
    public init(
        id: String,
        image: String,
        labels: [String: String],
        specification: Document,
        snapshotter: String,
        snapshotKey: String,
        runtime: String,
        extensions: [String: Document],
        created: Date,
        task: Task?
    ) {
        self.id = id
        self.image = image
        self.labels = labels
        self.specification = specification
        self.snapshotter = snapshotter
        self.snapshotKey = snapshotKey
        self.runtime = runtime
        self.extensions = extensions
        self.created = created
        self.task = task
    }
}
