/// Why a node has no subnet for containers, or not the requested one.
struct SubnetError: DaemonError, Sendable, Hashable {
    var code: ErrorCode
    var message: String

    init(_ code: ErrorCode, _ message: String) {
        (self.code, self.message) = (code, message)
    }
}
