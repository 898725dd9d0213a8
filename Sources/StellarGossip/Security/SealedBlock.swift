import COpenSSL

/// An encrypted message (memberlist, `security.go`): `version nonce(12) ciphertext tag(16)`, AES in Galois/Counter Mode
/// (NIST SP 800-38D). This implementation writes version 1. It also reads version 0, whose plaintext is padded to
/// blocks of 16 (PKCS #7, RFC 5652 section 6.3).
public enum SealedBlock {
    private static let version: UInt8 = 1
    private static let paddedVersion: UInt8 = 0
    private static let nonceLength = 12
    private static let tagLength = 16
    private static let blockLength = 16

    /// How many bytes longer a block is than its plaintext.
    public static let overhead = 1 + nonceLength + tagLength

    /// Twelve bytes that must never be used twice with one key. Random ones suffice for some four thousand million
    /// messages with one key (SP 800-38D section 8.3).
    public struct Nonce: Sendable, Hashable {
        public let bytes: [UInt8]
    }

    public static func seal(
        _ plaintext: [UInt8],
        key: GossipKey,
        nonce: Nonce,
        authenticating label: [UInt8]
    ) throws(WireError) -> [UInt8] {
        guard let context = EVP_CIPHER_CTX_new() else { throw .decryption }
        defer { EVP_CIPHER_CTX_free(context) }
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: tagLength)
        var written: CInt = 0
        guard EVP_EncryptInit_ex2(context, cipher(of: key), key.bytes, nonce.bytes, nil) == 1,
            label.isEmpty || EVP_EncryptUpdate(context, nil, &written, label, CInt(label.count)) == 1,
            plaintext.isEmpty
                || EVP_EncryptUpdate(context, &ciphertext, &written, plaintext, CInt(plaintext.count)) == 1,
            EVP_EncryptFinal_ex(context, nil, &written) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CInt(tagLength), &tag) == 1
        else { throw .decryption }
        return [version] + nonce.bytes + ciphertext + tag
    }

    /// Decrypts a block, trying every key.
    ///
    /// - Throws: `decryption` if no key opens it.
    public static func open(
        _ block: ArraySlice<UInt8>,
        keys: [GossipKey],
        authenticating label: [UInt8]
    ) throws(WireError) -> [UInt8] {
        guard let first = block.first, first <= version, block.count >= overhead else { throw .decryption }
        let nonce = [UInt8](block.dropFirst().prefix(nonceLength))
        let ciphertext = [UInt8](block.dropFirst(1 + nonceLength).dropLast(tagLength))
        let tag = [UInt8](block.suffix(tagLength))
        for key in keys {
            guard let plaintext = open(ciphertext, tag, key: key, nonce: nonce, authenticating: label) else { continue }
            return first == paddedVersion ? try unpadded(plaintext) : plaintext
        }
        throw .decryption
    }

    private static func open(
        _ ciphertext: [UInt8],
        _ tag: [UInt8],
        key: GossipKey,
        nonce: [UInt8],
        authenticating label: [UInt8]
    ) -> [UInt8]? {
        guard let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count)
        var tag = tag
        var written: CInt = 0
        guard EVP_DecryptInit_ex2(context, cipher(of: key), key.bytes, nonce, nil) == 1,
            label.isEmpty || EVP_DecryptUpdate(context, nil, &written, label, CInt(label.count)) == 1,
            ciphertext.isEmpty
                || EVP_DecryptUpdate(context, &plaintext, &written, ciphertext, CInt(ciphertext.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CInt(tagLength), &tag) == 1,
            EVP_DecryptFinal_ex(context, nil, &written) == 1
        else { return nil }
        return plaintext
    }

    private static func unpadded(_ plaintext: [UInt8]) throws(WireError) -> [UInt8] {
        guard let last = plaintext.last.map({ Int($0) }), (1...blockLength).contains(last), last <= plaintext.count,
            plaintext.suffix(last).allSatisfy({ Int($0) == last })
        else { throw .decryption }
        return plaintext.dropLast(last)
    }

    private static func cipher(of key: GossipKey) -> OpaquePointer? {
        switch key.bytes.count {
        case 16: EVP_aes_128_gcm()
        case 24: EVP_aes_192_gcm()
        default: EVP_aes_256_gcm()
        }
    }
}

extension SealedBlock.Nonce {
    public init(using random: inout some RandomNumberGenerator) {
        // Only two random words: each may cost a system call.
        let words = [random.next(), random.next()]
        self.init(
            bytes: (0..<SealedBlock.nonceLength).map {
                UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(8 * ($0 % 8)))
            }
        )
    }
}
