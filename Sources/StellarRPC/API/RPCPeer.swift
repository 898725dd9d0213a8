/// Who is at the other end of a connection.
public struct RPCPeer: Sendable, Hashable {
    /// The remote socket's address, such as `10.0.0.1:41200`; `unix` for a unix socket.
    public var address: String
    /// The certificate that the peer proved to own; nil without TLS or where the peer showed none.
    public var certificate: RPCPeerCertificate?

    public init(address: String, certificate: RPCPeerCertificate? = nil) {
        self.address = address
        self.certificate = certificate
    }
}
