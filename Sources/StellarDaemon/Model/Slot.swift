import StellarCore

/// One replica of a service, as this node should run it.
struct Slot: Sendable, Hashable {
    var id: ContainerID
    var service: Service
}

/// What a slot is doing.
enum SlotState: String, Sendable, Hashable {
    case waiting, pulling, creating, starting, running, restarting, stopped, failed, deleting, removed
}

/// What a slot is doing, and since when and why.
struct SlotStatus: Sendable, Hashable {
    var state: SlotState = .waiting
    var address: IPv4Address?
    var pid: UInt32 = 0
    /// Seconds since 1970.
    var startedAt: Int64 = 0
    var restarts = 0
    /// Why it is not running, for people.
    var reason = ""
}

/// A line of a command's progress.
struct SlotProgress: Sendable, Hashable {
    var id: ContainerID
    /// Where it happens; empty is this node.
    var node = ""
    var state: SlotState
    var pull: PullStep?
    var message = ""
    /// The last lines of the container's output, when the state is failed.
    var log: [String] = []
}

/// One line of a pull's progress.
struct PullStep: Sendable, Hashable {
    enum State: String, Sendable, Hashable {
        case resolving, resolved, waiting, downloading, exists, downloaded, unpacking, done
    }

    /// The layer's digest; empty for the whole image.
    var layer: String
    var status: Reported<State>
    /// Bytes so far, of ``total``.
    var offset: Int64 = 0
    var total: Int64 = 0
}

/// The files of one container on the host (contract 4.3).
struct SlotFiles: Sendable, Hashable {
    /// Standard output and error.
    var log: String
    var hosts: String
    /// Shared by all containers.
    var resolvConf: String
}
