/// The status of a call that is not OK.
///
/// A client's call throws it. A handler throws it to end its call with this status.
public struct RPCError: Error, Sendable, Hashable {
    public var code: RPCCode
    /// The reason for people: names the object and, where there is one, the fix.
    public var message: String
    /// The trailing metadata of the status, received or to be sent.
    public var metadata: RPCMetadata
    /// The TLS error, where the call failed because TLS could not be established. It is not sent to the peer.
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
