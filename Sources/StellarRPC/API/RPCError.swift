/// The status of a call that is not OK.
///
/// A client's call throws it; a handler that throws it answers with it.
public struct RPCError: Error, Sendable, Hashable {
    public var code: RPCCode
    /// For people: names the thing and, where there is one, the fix.
    public var message: String
    /// Trailing metadata that came, or goes, with the status.
    public var metadata: RPCMetadata
    /// Why the connection could not be secured, where that is why there is none. Never on the wire.
    public var tls: RPCTLSError?

    public init(_ code: RPCCode, _ message: String, metadata: RPCMetadata = [:], tls: RPCTLSError? = nil) {
        self.code = code
        self.message = message
        self.metadata = metadata
        self.tls = tls
    }
}

extension RPCError: CustomStringConvertible {
    public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}
