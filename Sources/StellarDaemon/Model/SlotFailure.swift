import StellarCore

/// Why a slot does not run.
struct SlotFailure: DaemonError, Sendable, Hashable {
    var id: ContainerID
    var code: ErrorCode
    /// One line that names the thing and the fix.
    var reason: String
    /// The container's last lines of output, oldest first.
    var log: [String] = []
    /// Its process has run: the failure is the program's, not ours.
    var hasRun = false
    /// How it ended then, where that is known.
    var exitStatus: UInt32?

    init(
        id: ContainerID,
        code: ErrorCode,
        reason: String,
        log: [String] = [],
        hasRun: Bool = false,
        exitStatus: UInt32? = nil
    ) {
        self.id = id
        self.code = code
        self.reason = reason
        self.log = log
        self.hasRun = hasRun
        self.exitStatus = exitStatus
    }

    var message: String { "\(id): \(reason)" }

    /// The one error that a call answers with when slots failed: the first by id, and how many more there are.
    static func error(_ failures: [SlotFailure], withLog: Bool) -> Cause? {
        let sorted = failures.sorted { $0.id < $1.id }
        guard let first = sorted.first else { return nil }
        var message = "\(first.id): \(first.reason)"
        if sorted.count > 1 {
            message += "; also not running: \(sorted.dropFirst().map(\.id.description).joined(separator: ", "))"
        }
        if withLog, !first.log.isEmpty { message += "; its last output:\n" + first.log.joined(separator: "\n") }
        return Cause(first.code, message)
    }
}
