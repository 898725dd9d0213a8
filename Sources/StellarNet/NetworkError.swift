/// An error of the host's network.
///
/// The message names the object and what to do about it; users see it unchanged. The codes have the names of gRPC's status
/// codes, which the API returns.
public struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// gRPC's name of the status code, in lower camel case.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        public static let invalidArgument = Code("invalidArgument")
        public static let notFound = Code("notFound")
        public static let alreadyExists = Code("alreadyExists")
        public static let permissionDenied = Code("permissionDenied")
        public static let failedPrecondition = Code("failedPrecondition")
        public static let resourceExhausted = Code("resourceExhausted")
        public static let deadlineExceeded = Code("deadlineExceeded")
        public static let unavailable = Code("unavailable")
        public static let internalError = Code("internalError")
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String {
        message
    }
}
