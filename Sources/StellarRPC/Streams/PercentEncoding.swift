/// The percent-encoding of `grpc-message`: printable ASCII except `%` stays; every other byte of the UTF-8 is `%XX`.
package enum PercentEncoding {
    private static let hex = Array("0123456789ABCDEF".utf8)

    package static func encode(_ text: String) -> String {
        func plain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte <= 0x7E && byte != 0x25 }
        if text.utf8.allSatisfy(plain) { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if plain(byte) {
                bytes.append(byte)
            } else {
                bytes.append(contentsOf: [0x25, hex[Int(byte >> 4)], hex[Int(byte & 15)]])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Never fails: an invalid escape stays as it is, and invalid UTF-8 becomes U+FFFD.
    package static func decode(_ text: String) -> String {
        guard text.utf8.contains(0x25) else { return text }
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            if source[index] == 0x25, index + 2 < source.count, let high = digit(source[index + 1]),
                let low = digit(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
