/// The certificate of a peer, which proved that it holds the key.
///
/// A server verifies a client's certificate against its trust roots (``RPCTLSConfiguration/ClientCertificates``) before it
/// accepts a call.
public struct RPCPeerCertificate: Sendable, Hashable {
    /// A name the certificate is valid for (RFC 5280, section 4.2.1.6).
    public enum AlternativeName: Sendable, Hashable {
        case dns(String)

        /// As text, e.g. `10.0.0.1` or `fd00::1`.
        case ip(String)

        /// E.g. a SPIFFE id.
        case uri(String)
        case email(String)
    }

    /// The distinguished name in the form of RFC 2253: `CN=node1,O=stellar`.
    public var subject: String

    /// The last `CN` of the subject.
    public var commonName: String?

    /// The certificate's names, in its order. Kinds other than the four are left out.
    public var alternativeNames: [AlternativeName]

    /// SHA-256 of the DER form, 64 lower-case hex digits, as `openssl x509 -fingerprint -sha256` computes it.
    public var fingerprint: String

    public init(subject: String, commonName: String?, alternativeNames: [AlternativeName], fingerprint: String) {
        self.subject = subject
        self.commonName = commonName
        self.alternativeNames = alternativeNames
        self.fingerprint = fingerprint
    }
}
