public import StellarRPC

/// The TLS files of a client, with the meaning of the original's command line.
///
/// A certificate without key is the authority that the daemon's certificate must come from. A certificate with key is
/// the client's own; the daemon's certificate must then come from `authorities`, or from the system's roots if that is
/// nil.
public struct ClientTLS: Sendable, Hashable {
    /// The path of a PEM file with a certificate.
    public var certificate: String?
    /// The path of a PEM file with the key of the certificate.
    public var key: String?
    /// The path of a PEM file with the certificates of authorities.
    public var authorities: String?
    /// Whether the client accepts any certificate of the daemon.
    public var skipVerification: Bool

    /// Creates the files; without arguments, the connection is plaintext.
    public init(
        certificate: String? = nil,
        key: String? = nil,
        authorities: String? = nil,
        skipVerification: Bool = false
    ) {
        self.certificate = certificate
        self.key = key
        self.authorities = authorities
        self.skipVerification = skipVerification
    }

    /// A file that is missing.
    public enum Problem: Error, Hashable {
        /// There is a key without its certificate.
        case keyAlone
        /// There are a certificate and authorities, so the certificate is the client's own, and its key is missing.
        case keyMissing
    }

    /// The configuration for `RPCClientConfiguration`; nil for plaintext.
    ///
    /// - Throws: ``Problem`` if a file is missing.
    public func configuration() throws(Problem) -> RPCTLSConfiguration.Client? {
        if key != nil, certificate == nil { throw .keyAlone }
        guard certificate != nil || authorities != nil || skipVerification else { return nil }
        var tls = RPCTLSConfiguration.Client(skipVerification: skipVerification)
        if let authorities { tls.trustRoots = .file(authorities) }
        if let certificate {
            if let key {
                tls.identity = .init(certificateChainFile: certificate, privateKeyFile: key)
            } else if authorities != nil {
                throw .keyMissing
            } else {
                tls.trustRoots = .file(certificate)
            }
        }
        return tls
    }
}
