public import StellarRPC

/// The files that secure a client's connection, as the original's command line has them: the certificate alone is what the
/// daemon's is verified with; with its key it is the client's own, and the daemon's is verified with the system's roots, or
/// with `authorities`.
public struct ClientTLS: Sendable, Hashable {
    /// PEM file.
    public var certificate: String?
    /// PEM file.
    public var key: String?
    /// PEM file.
    public var authorities: String?
    /// Any certificate of the daemon is accepted.
    public var skipVerification: Bool

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

    /// What is missing.
    public enum Problem: Error, Hashable {
        /// A key, without the certificate it belongs to.
        case keyAlone
        /// Next to authorities a certificate can only be the client's own, and its key is not there.
        case keyMissing
    }

    /// For ``RPCClientConfiguration``; nil where nothing is said, which is plaintext.
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
