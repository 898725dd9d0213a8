public import FoundationEssentials

/// An event of a container or its process.
public struct RuntimeEvent: Sendable, Hashable {
    /// The kinds of events.
    public enum Kind: Sendable, Hashable {
        /// The process started; its id on the node.
        case started(pid: UInt32)
        /// The process ended.
        case exited(ExitStatus)
        /// The kernel killed a process of the container because memory ran out.
        case outOfMemory
        /// The task was deleted.
        case deleted
        /// The container was deleted.
        case containerDeleted
        /// The stream was interrupted and continues: events may be missing, so read
        /// ``ContainerRuntime/containers(filters:)``. The first event of every stream. ``RuntimeEvent/id`` is empty.
        case resynchronize
    }

    /// The container.
    public var id: String
    /// What happened.
    public var kind: Kind
    /// When, by containerd's clock.
    public var time: Date

    /// Makes an event.
    public init(id: String, kind: Kind, time: Date) {
        self.id = id
        self.kind = kind
        self.time = time
    }
}
