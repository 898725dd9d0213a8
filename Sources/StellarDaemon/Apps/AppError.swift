/// Why a command about an app failed.
struct AppError: DomainError {
    var code: ErrorCode
    var message: String
}

extension AppError {
    /// - Parameter error: of any part that the command used.
    init(of error: any Error) {
        let cause = Cause(of: error)
        self.init(cause.code, cause.message)
    }

    static func notFound(_ name: String) -> AppError { AppError(.notFound, "application \(name) not found") }
}
