/// An error of a part of the daemon. Each domain has a type of its own; the API makes the status of a call of it.
protocol DaemonError: Error, CustomStringConvertible {
    var code: ErrorCode { get }
    /// One line for people: names the object, the reason, and the fix where there is one.
    var message: String { get }
}

extension DaemonError {
    var description: String { message }
}

/// A ``DaemonError`` that is nothing but its code and its message.
protocol DomainError: DaemonError, Hashable, Sendable {
    init(code: ErrorCode, message: String)
}

extension DomainError {
    init(_ code: ErrorCode, _ message: String) { self.init(code: code, message: message) }
}

/// The kind of an error. The raw values are gRPC's status codes (statuscodes.md of gRPC), which clients see.
enum ErrorCode: Int, Sendable, Hashable {
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case internalError = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
}

/// Why something failed, whatever part it failed in.
struct Cause: DomainError {
    var code: ErrorCode
    var message: String
}
