/// How a connection is secured. TLS 1.2 is the minimum and HTTP/2 must be agreed on by ALPN (`h2`, RFC 9113, section 3.2),
/// on both sides; neither is negotiable.
///
/// Files are PEM. They are read when the client or server is made, and again when they change on disk (`reloadInterval`), so
/// that a renewed certificate needs no restart. A file that turns out broken is reported in the log and the one before it
/// stays in use.
public enum RPCTLSConfiguration {
    /// The time a peer has to finish the handshake. Slower ones hold a socket and memory for nothing: a handshake is two
    /// round trips.
    public static let defaultHandshakeTimeout: Duration = .seconds(10)

    /// How often, at most, files are looked at for changes. It costs a `stat` per file.
    package static let reloadInterval: Duration = .seconds(1)

    /// A certificate and its key, as two files.
    public struct Identity: Sendable, Hashable {
        /// PEM: the certificate first, then those that lead to the root.
        public var certificateChainFile: String

        /// PEM, not encrypted.
        public var privateKeyFile: String

        public init(certificateChainFile: String, privateKeyFile: String) {
            self.certificateChainFile = certificateChainFile
            self.privateKeyFile = privateKeyFile
        }
    }

    /// Whom to trust.
    public enum TrustRoots: Sendable, Hashable {
        /// What the distribution trusts (Debian: package ca-certificates).
        case system

        /// The certificates of one PEM file.
        case file(String)

        /// The certificates of a directory: every `*.pem`, `*.crt` and `*.cer` in it, and OpenSSL's hashed names.
        case directory(String)
    }

    /// The side that connects.
    public struct Client: Sendable, Hashable {
        /// Whose certificates are believed.
        public var trustRoots: TrustRoots

        /// The name or IP address that the server's certificate must be valid for, also sent as SNI if it is a name. `nil`
        /// takes the host of the address dialed, and `localhost` for a unix socket.
        public var serverName: String?

        /// Shown to a server that asks for it (mutual TLS).
        public var identity: Identity?

        /// Accepts any certificate. The connection is then encrypted but the server can be anyone: for debugging alone.
        public var skipVerification: Bool

        /// From the connection until the handshake is done.
        public var handshakeTimeout: Duration

        public init(
            trustRoots: TrustRoots = .system,
            serverName: String? = nil,
            identity: Identity? = nil,
            skipVerification: Bool = false,
            handshakeTimeout: Duration = defaultHandshakeTimeout
        ) {
            self.trustRoots = trustRoots
            self.serverName = serverName
            self.identity = identity
            self.skipVerification = skipVerification
            self.handshakeTimeout = handshakeTimeout
        }
    }

    /// What a server wants to know of its clients.
    public enum ClientCertificates: Sendable, Hashable {
        /// Not asked for.
        case none

        /// Asked for; a client may go without, but one that is sent must be valid.
        case request(TrustRoots)

        /// Only clients with a valid certificate are served (mutual TLS).
        case require(TrustRoots)
    }

    /// The side that listens.
    public struct Server: Sendable, Hashable {
        /// Who we are.
        public var identity: Identity

        /// Who the clients must be.
        public var clientCertificates: ClientCertificates

        /// From the accepted connection until the handshake is done.
        public var handshakeTimeout: Duration

        public init(
            identity: Identity,
            clientCertificates: ClientCertificates = .none,
            handshakeTimeout: Duration = defaultHandshakeTimeout
        ) {
            self.identity = identity
            self.clientCertificates = clientCertificates
            self.handshakeTimeout = handshakeTimeout
        }
    }
}
