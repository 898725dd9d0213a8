import FoundationEssentials

/// The text form of a gossip key: 16, 24 or 32 bytes (AES-128, -192 or -256) in base64 or hexadecimal.
public enum GossipKeyText {
    /// Why a text is not a key. The message never has the text, which may be a key with a typing error.
    public enum Problem: Error, Hashable, CustomStringConvertible {
        /// The text is neither base64 nor hexadecimal.
        case notAKey
        /// The key has this number of bytes.
        case wrongSize(Int)

        /// The message: what is wrong, and how to create a key.
        public var description: String {
            switch self {
            case .notAKey: "this is neither base64 nor hexadecimal; make a key with: openssl rand -base64 32"
            case .wrongSize(let count):
                "this has \(count) bytes, and a key has 16, 24 or 32; make one with: openssl rand -base64 32"
            }
        }
    }

    /// The sizes of AES keys, in bytes (FIPS 197 section 5).
    public static let sizes = [16, 24, 32]

    /// Reads a key. It ignores white space around the key.
    ///
    /// 32 hexadecimal digits are a key of 16 bytes, although they are base64 of 24 bytes, too: one in 10^15 keys of 24
    /// bytes has only such characters.
    ///
    /// - Throws: ``Problem`` if the text is not a key.
    public static func read(_ text: String) throws(Problem) -> [UInt8] {
        let digits = trimmed(text)
        guard !digits.isEmpty else { throw .notAKey }
        let hexadecimal = bytes(hexadecimal: digits)
        let bytes = hexadecimal ?? Data(base64Encoded: String(decoding: digits, as: UTF8.self)).map { Array($0) }
        guard let bytes else { throw .notAKey }
        guard sizes.contains(bytes.count) else { throw .wrongSize(bytes.count) }
        return bytes
    }

    /// The key in base64.
    public static func base64(_ key: [UInt8]) -> String { Data(key).base64EncodedString() }

    private static func trimmed(_ text: String) -> ArraySlice<UInt8> {
        var bytes = Array(text.utf8)[...]
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
        return bytes
    }

    private static func bytes(hexadecimal digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        var index = digits.startIndex
        while index < digits.endIndex {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
