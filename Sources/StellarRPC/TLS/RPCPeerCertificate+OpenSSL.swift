internal import COpenSSL
internal import Glibc

extension RPCPeerCertificate {
    /// Reads an `X509`, which stays the caller's. Texts that are not UTF-8 are repaired.
    init?(_ certificate: OpaquePointer) {
        guard let subject = X509_get_subject_name(certificate), let fingerprint = Self.sha256(certificate) else {
            return nil
        }
        self.init(
            subject: Self.text(of: subject),
            commonName: Self.commonName(of: subject),
            alternativeNames: Self.alternativeNames(of: certificate),
            fingerprint: fingerprint
        )
    }

    private static func sha256(_ certificate: OpaquePointer) -> String? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: CUnsignedInt = 0
        guard X509_digest(certificate, EVP_sha256(), &digest, &length) == 1 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.prefix(Int(length)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    /// A distinguished name in the form of RFC 2253.
    static func text(of name: OpaquePointer) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        X509_NAME_print_ex(bio, name, 0, COpenSSL_XN_FLAG_RFC2253_UTF8())
        return text(in: bio)
    }

    /// What was printed into a memory BIO.
    static func text(in bio: OpaquePointer) -> String {
        var bytes = [UInt8](repeating: 0, count: COpenSSL_BIO_pending(bio))
        let count = BIO_read(bio, &bytes, CInt(bytes.count))
        return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    }

    private static func commonName(of name: OpaquePointer) -> String? {
        var last: CInt = -1
        while case let next = X509_NAME_get_index_by_NID(name, NID_commonName, last), next >= 0 { last = next }
        guard last >= 0, let string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)) else { return nil }
        var utf8: UnsafeMutablePointer<UInt8>?
        let length = ASN1_STRING_to_UTF8(&utf8, string)
        guard length >= 0, let utf8 else { return nil }
        defer { CRYPTO_free(utf8, #file, #line) }
        return String(decoding: UnsafeBufferPointer(start: utf8, count: Int(length)), as: UTF8.self)
    }

    private static func alternativeNames(of certificate: OpaquePointer) -> [AlternativeName] {
        guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(list)
        defer { COpenSSL_GENERAL_NAMES_free(names) }
        return (0..<max(0, COpenSSL_sk_GENERAL_NAME_num(names))).compactMap { index in
            var kind: CInt = 0
            var length: CInt = 0
            guard let start = COpenSSL_GENERAL_NAME_string(COpenSSL_sk_GENERAL_NAME_value(names, index), &kind, &length)
            else { return nil }
            let bytes = UnsafeBufferPointer(start: start, count: max(0, Int(length)))
            switch kind {
            case GEN_DNS: return .dns(String(decoding: bytes, as: UTF8.self))
            case GEN_URI: return .uri(String(decoding: bytes, as: UTF8.self))
            case GEN_EMAIL: return .email(String(decoding: bytes, as: UTF8.self))
            case GEN_IPADD: return address(bytes).map { .ip($0) }
            default: return nil
            }
        }
    }

    /// Four or sixteen bytes; anything else is no address.
    private static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
