/// A node did not do its share, and does it when it can.
struct NodeUnreachable: DaemonError, Sendable {
    var reason: Cause

    var code: ErrorCode { reason.code }
    var message: String { reason.message }
}
