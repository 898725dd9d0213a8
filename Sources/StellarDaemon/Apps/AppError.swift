/// Why a command about an app failed.
struct AppError: DaemonError, Sendable, Hashable {
    var code: ErrorCode
    var message: String

    init(_ code: ErrorCode, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    /// - Parameter error: of any part that the command used.
    init(of error: any Error) {
        let cause = Cause(of: error)
        self.init(cause.code, cause.message)
    }

    static func notFound(_ name: String) -> AppError { AppError(.notFound, "application \(name) not found") }
}
