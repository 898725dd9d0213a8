import COpenSSL
package import FoundationEssentials

/// A digest of content: `sha256:` and 64 lower-case hexadecimal digits (OCI image specification, "Descriptors,
/// digests"; `sha384` and `sha512` are accepted too).
public struct ContentDigest: Sendable, Hashable, CustomStringConvertible {
    /// The hash functions, with the length of their value in hexadecimal digits.
    package enum Algorithm: String, Sendable, CaseIterable {
        case sha256
        case sha384
        case sha512

        package var hexadecimalCount: Int {
            switch self {
            case .sha256: 64
            case .sha384: 96
            case .sha512: 128
            }
        }
    }

    package let algorithm: Algorithm
    /// The value alone, in lower-case hexadecimal digits.
    public let hexadecimal: String

    /// The digest in text form: `sha256:…`.
    public var description: String { "\(algorithm.rawValue):\(hexadecimal)" }

    /// Parses `algorithm:hex`; nil where the algorithm is unknown, the length is wrong or a digit is not lower-case
    /// hexadecimal.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.firstIndex(of: ":"), let algorithm = Algorithm(rawValue: String(text[..<colon])) else {
            return nil
        }
        let digits = text[text.index(after: colon)...].utf8
        guard digits.count == algorithm.hexadecimalCount,
            digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.algorithm = algorithm
        self.hexadecimal = String(text[text.index(after: colon)...])
    }

    package init(algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        self.algorithm = algorithm
        let digits = Array("0123456789abcdef".utf8)
        self.hexadecimal = String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    /// The SHA-256 digest of `bytes`.
    package static func sha256(_ bytes: some ContiguousBytes) -> ContentDigest {
        var hasher = ContentHasher(.sha256)
        hasher.update(bytes)
        return hasher.finish()
    }
}

extension ContentDigest: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = ContentDigest(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(text)' is not a digest (sha256: and 64 hexadecimal digits)"
            )
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// An incremental digest (OpenSSL's EVP interface, EVP_DigestInit(3)).
package struct ContentHasher: ~Copyable {
    private let context: OpaquePointer?
    private let algorithm: ContentDigest.Algorithm

    package init(_ algorithm: ContentDigest.Algorithm) {
        self.algorithm = algorithm
        context = EVP_MD_CTX_new()
        let function =
            switch algorithm {
            case .sha256: EVP_sha256()
            case .sha384: EVP_sha384()
            case .sha512: EVP_sha512()
            }
        EVP_DigestInit_ex(context, function, nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: some ContiguousBytes) {
        bytes.withUnsafeBytes { update(raw: $0) }
    }

    package mutating func update(raw bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        EVP_DigestUpdate(context, start, bytes.count)
    }

    package consuming func finish() -> ContentDigest {
        var value = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        EVP_DigestFinal_ex(context, &value, &count)
        return ContentDigest(algorithm: algorithm, bytes: value.prefix(Int(count)))
    }
}

/// The chain id of a stack of layers. For the first layer it is its diff id; for each further layer the SHA-256 of the
/// chain id below, a space and the layer's diff id (OCI image specification, "Layer ChainID").
package enum ChainID {
    /// The chain id of every layer of the stack, bottom first.
    package static func chain(_ diffIDs: [ContentDigest]) -> [ContentDigest] {
        var chain: [ContentDigest] = []
        for diffID in diffIDs {
            guard let below = chain.last else {
                chain.append(diffID)
                continue
            }
            chain.append(.sha256(Array("\(below) \(diffID)".utf8)))
        }
        return chain
    }
}
