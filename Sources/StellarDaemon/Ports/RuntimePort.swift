import StellarCore

/// What the reconcile driver needs of containerd. ``ContainerdPort`` is the real one; tests fail any call of a fake.
///
/// Every call is safe to repeat: what is already so is fine, and what is already gone too.
protocol RuntimePort: Sendable {
    /// Waits until containerd has finished what an earlier run of this daemon asked of it and did not see the end of.
    func waitForPendingWork() async throws
    /// The containers that carry the labels of an app.
    func containers() async throws -> [ObservedContainer]
    func container(_ id: ContainerID) async throws -> ObservedContainer?

    /// The image is here, complete and unpacked.
    func hasImage(_ reference: String, snapshotter: String) async throws -> Bool
    func pull(
        _ reference: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws

    /// Makes the snapshot and the container.
    func create(_ slot: Slot, files: SlotFiles, namespace: String) async throws
    /// Makes the task, ready to run, and returns its process id.
    func createTask(_ id: ContainerID, log: String) async throws -> UInt32
    func startTask(_ id: ContainerID) async throws
    /// The stop signal, the grace period, SIGKILL; returns when the task is gone, with its exit status if it was known.
    func stop(_ id: ContainerID, grace: Duration) async throws -> UInt32?
    /// Removes task, container and snapshot.
    func delete(_ id: String) async throws
    /// Removes what carries our labels but belongs to no container of `keeping`: snapshots and leases of broken work.
    ///
    /// - Returns: What was removed, for the log.
    func sweep(keeping: Set<String>) async throws -> [String]
}

/// A container as containerd has it.
struct ObservedContainer: Sendable, Hashable {
    var id: String
    var task: ObservedTask?
    /// What it says it was made from.
    var specification: SpecificationHash?
}

/// A container's task as containerd has it.
struct ObservedTask: Sendable, Hashable {
    enum Status: Sendable, Hashable {
        case created, running, stopped, paused, unknown
    }

    var pid: UInt32
    var status: Status
    var exitStatus: UInt32

    /// A process is there and either works or was paused by someone: nothing for us to start.
    var isAlive: Bool { status == .running || status == .paused }
}
