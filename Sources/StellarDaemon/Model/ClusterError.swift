/// Why something about the nodes of the cluster cannot be done.
struct ClusterError: DaemonError, Sendable, Hashable {
    var code: ErrorCode
    var message: String

    init(_ code: ErrorCode, _ message: String) {
        (self.code, self.message) = (code, message)
    }
}
