internal import COpenSSL

/// OpenSSL's reasons in words that name what to change, and on which side.
enum TLSFailure {
    /// The texts of well-known reasons (`SSL_R_…`). A reason of 1000 or more is an alert of the peer: 1000 + its number (RFC
    /// 8446, section 6.2).
    private static let known: [(reason: CInt, code: RPCTLSError.Code, text: String)] = [
        (SSL_R_WRONG_VERSION_NUMBER, .notTLS, "the peer does not speak TLS"),
        (SSL_R_HTTP_REQUEST, .notTLS, "the peer speaks plain HTTP"),
        (SSL_R_UNSUPPORTED_PROTOCOL, .protocolViolation, "the peer speaks only TLS older than 1.2"),
        (SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, .protocolViolation, "the peer refuses every TLS version from 1.2 on"),
        (SSL_R_NO_SHARED_CIPHER, .protocolViolation, "the peer offers no cipher suite that HTTP/2 may use"),
        (SSL_R_NO_APPLICATION_PROTOCOL, .noApplicationProtocol, "the peer does not offer HTTP/2 (ALPN h2)"),
        (SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, .noApplicationProtocol, "the peer does not speak HTTP/2 (ALPN h2)"),
        (
            SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, .untrusted,
            "the client sent no certificate, and this server requires one"
        ),
        (SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, .certificateRequired, "the peer requires a client certificate"),
        (SSL_R_TLSV1_ALERT_UNKNOWN_CA, .refused, "the peer does not trust the authority of our certificate"),
        (SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, .refused, "the peer refuses our certificate"),
        (SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, .refused, "the peer refuses our certificate"),
        (SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, .refused, "the peer finds our certificate expired"),
        (SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, .refused, "the peer finds our certificate made for another use"),
    ]

    /// - Parameter verification: the result for the peer's certificate, if it was checked and is invalid.
    static func describe(
        _ failure: OpenSSLFailure,
        verification: TLSVerification?,
        side: TLSEngine.Side,
        handshaking: Bool
    ) -> RPCTLSError {
        if failure.contains(ssl: SSL_R_CERTIFICATE_VERIFY_FAILED), let verification {
            return verification.describe(side)
        }
        if let match = known.first(where: { failure.contains(ssl: $0.reason) }) {
            return RPCTLSError(match.code, match.text)
        }
        let phase = handshaking ? "TLS handshake failed" : "TLS failed"
        return RPCTLSError(.protocolViolation, "\(phase): \(failure.reason)")
    }
}
