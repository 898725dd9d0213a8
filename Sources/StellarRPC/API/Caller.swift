/// The client that made a call, as its connection identifies it.
public enum Caller: Sendable, Hashable {
    /// A process of this host, over the unix socket at `path`. The mode of the socket's file decides who can connect.
    case unix(path: String)
    /// A host that reached the port, over plain TCP. `address` is the remote one, such as `10.0.0.1:41200`.
    case tcp(address: String)
    /// The same over TLS. The certificate is nil where the client sent none; one that was sent is verified
    /// (``RPCTLSConfiguration/ClientCertificates``).
    case tls(address: String, certificate: RPCPeerCertificate?)

    /// What carries a connection's bytes.
    public enum Transport: Sendable, Hashable {
        case tcp, unix
    }

    public var transport: Transport {
        switch self {
        case .unix: .unix
        case .tcp, .tls: .tcp
        }
    }

    /// The remote address, such as `10.0.0.1:41200`; of a unix socket, which has none, its path: `unix:///run/x.sock`.
    public var address: String {
        switch self {
        case .unix(let path): RPCAddress.unix(path: path).description
        case .tcp(let address), .tls(let address, _): address
        }
    }

    public var usesTLS: Bool {
        if case .tls = self { true } else { false }
    }

    /// The verified certificate of the client; nil where it sent none.
    public var certificate: RPCPeerCertificate? {
        if case .tls(_, let certificate) = self { certificate } else { nil }
    }

    /// The subject of the client's verified certificate in the form of RFC 2253, such as `CN=admin,O=Stellar`; nil without one.
    public var subject: String? { certificate?.subject }
}

extension Caller: CustomStringConvertible {
    /// The address, and the certificate's subject where there is one.
    public var description: String { subject.map { "\(address) (\($0))" } ?? address }
}
