/// An error of TLS, of its configuration or its handshake.
public struct RPCTLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. More may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// A file of this side is missing or cannot be used; the message names it.
        public static let configuration = Code(description: "configuration")

        /// The peer's certificate leads to no trusted authority, or is for another use.
        public static let untrusted = Code(description: "untrusted")

        /// The peer's certificate is not for the name that was dialed.
        public static let wrongName = Code(description: "wrong name")

        /// The peer's certificate has expired, or is not valid yet.
        public static let expired = Code(description: "expired")

        /// The peer requires a certificate, and this side sent none.
        public static let certificateRequired = Code(description: "certificate required")

        /// The peer rejects the certificate of this side.
        public static let refused = Code(description: "refused")

        /// The peer does not speak TLS.
        public static let notTLS = Code(description: "not TLS")

        /// The peer speaks TLS, and this side did not.
        public static let tlsRequired = Code(description: "TLS required")

        /// The peer does not speak HTTP/2 (ALPN `h2`).
        public static let noApplicationProtocol = Code(description: "no application protocol")

        /// The peer broke the protocol, or refused the connection with an alert.
        public static let protocolViolation = Code(description: "protocol violation")

        /// The handshake exceeded its time limit.
        public static let timeout = Code(description: "timeout")

        /// The connection ended before the handshake did.
        public static let closed = Code(description: "closed")
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
