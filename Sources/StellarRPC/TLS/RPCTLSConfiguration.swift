/// The TLS configuration of a client or server. Both require TLS 1.2 or later, and HTTP/2 by ALPN (`h2`, RFC 9113, section
/// 3.2).
///
/// Files are PEM. They are read when the client or server is made, and again when they change on disk (`reloadInterval`), so
/// a renewed certificate needs no restart. If a changed file is invalid, the log reports it and the previous one stays in use.
public enum RPCTLSConfiguration {
    /// The time in which a peer must finish the handshake, which takes two round trips. A slower peer holds a socket and memory.
    public static let defaultHandshakeTimeout: Duration = .seconds(10)

    /// The shortest interval between two checks of the files for changes. A check costs a `stat` per file.
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

    /// The authorities whose certificates are accepted.
    public enum TrustRoots: Sendable, Hashable {
        /// The distribution's authorities (Debian: package ca-certificates).
        case system

        /// The certificates of one PEM file.
        case file(String)

        /// The certificates of a directory: every `*.pem`, `*.crt` and `*.cer` in it, and OpenSSL's hashed names.
        case directory(String)
    }

    /// The side that connects.
    public struct Client: Sendable, Hashable {
        /// The authorities that a server's certificate must lead to.
        public var trustRoots: TrustRoots

        /// The name or IP address that the server's certificate must be valid for, also sent as SNI if it is a name. `nil`
        /// takes the host of the address dialed, and `localhost` for a unix socket.
        public var serverName: String?

        /// Sent to a server that requests it (mutual TLS).
        public var identity: Identity?

        /// Accepts any certificate. The connection is then encrypted, but the server can be anyone: for debugging only.
        public var skipVerification: Bool

        /// The time from the open connection to the end of the handshake.
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

    /// Whether a server requests certificates of its clients.
    public enum ClientCertificates: Sendable, Hashable {
        /// The server requests none.
        case none

        /// The server requests one. A client may send none; one that it sends must be valid.
        case request(TrustRoots)

        /// The server serves only clients with a valid certificate (mutual TLS).
        case require(TrustRoots)
    }

    /// The side that listens.
    public struct Server: Sendable, Hashable {
        /// The server's certificate and key.
        public var identity: Identity

        /// The certificates that clients need.
        public var clientCertificates: ClientCertificates

        /// The time from the accepted connection to the end of the handshake.
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
