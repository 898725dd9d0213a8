internal import COpenSSL
internal import Glibc

/// The failed verification of a peer's certificate, with the certificate.
struct TLSVerification {
    /// `X509_V_ERR_…`
    private let result: CInt
    /// The peer's own certificate, without its chain.
    private let certificate: RPCPeerCertificate?
    private let issuer: String?
    /// `Nov 21 19:12:00 2026 GMT`
    private let start: String?
    private let end: String?

    /// nil if the certificate is valid, or was not checked.
    init?(_ ssl: OpaquePointer) {
        let result = SSL_get_verify_result(ssl)
        guard result != X509_V_OK else { return nil }
        self.result = CInt(truncatingIfNeeded: result)
        // OpenSSL keeps a refused chain, but not the session's certificate.
        guard let leaf = COpenSSL_SSL_verified_leaf(ssl) else {
            (certificate, issuer, start, end) = (nil, nil, nil, nil)
            return
        }
        certificate = RPCPeerCertificate(leaf)
        issuer = X509_get_issuer_name(leaf).map(RPCPeerCertificate.text(of:))
        start = Self.text(X509_get0_notBefore(leaf))
        end = X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0 ? Self.text(X509_get0_notAfter(leaf)) : nil
    }

    /// The error in words that name the certificate and the reason.
    func describe(_ side: TLSEngine.Side) -> RPCTLSError {
        let whose: String
        switch side {
        case .client(let name): whose = "the certificate of \(name)"
        case .server: whose = "the client's certificate" + (certificate.map { " (\($0.subject))" } ?? "")
        }
        switch result {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return RPCTLSError(.wrongName, "\(whose) is for \(names), not for that name")
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return RPCTLSError(.expired, end.map { "\(whose) expired on \($0)" } ?? "an authority of \(whose) expired")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return RPCTLSError(.expired, "\(whose) is not valid before \(start ?? "a later day")")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return RPCTLSError(
                .untrusted,
                "\(whose) is not trusted: no certificate of its issuer \(issuer ?? "") is known"
            )
        default:
            let reason = String(cString: X509_verify_cert_error_string(CLong(result)))
            return RPCTLSError(.untrusted, "\(whose) is not trusted: \(reason)")
        }
    }

    /// The names that the certificate is for. The subject's common name does not count (RFC 9110, section 4.3.4).
    private var names: String {
        let names = (certificate?.alternativeNames ?? []).compactMap { name in
            switch name {
            case .dns(let text), .ip(let text): text
            case .uri, .email: nil
            }
        }
        return names.isEmpty ? "no name" : names.joined(separator: ", ")
    }

    private static func text(_ time: UnsafePointer<ASN1_TIME>?) -> String? {
        guard let time, let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard ASN1_TIME_print(bio, time) == 1 else { return nil }
        return RPCPeerCertificate.text(in: bio)
    }
}
