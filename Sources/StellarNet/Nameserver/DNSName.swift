/// A domain name in its wire form (RFC 1035, section 3.1): labels with their lengths, ended by the empty label.
///
/// Names compare byte by byte; use ``lowercased`` where case must not matter (RFC 4343).
struct DNSName: Hashable, Sendable, CustomStringConvertible {
    /// RFC 1035, section 2.3.4.
    static let maximumBytes = 255
    static let maximumLabelBytes = 63

    /// Never empty: the root is one zero byte.
    let wire: [UInt8]

    static let root = DNSName(wire: [0])

    /// - Parameter wire: checked by the caller.
    init(wire: [UInt8]) {
        self.wire = wire
    }

    /// Reads dotted text, with or without a final dot. nil when a label is empty or longer than 63 bytes, or the whole is
    /// longer than 255.
    init?(_ text: String) {
        var wire: [UInt8] = []
        let trimmed = text.hasSuffix(".") ? text.dropLast() : text[...]
        if !trimmed.isEmpty {
            for label in trimmed.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
                guard !label.isEmpty, label.count <= Self.maximumLabelBytes else { return nil }
                wire.append(UInt8(label.count))
                wire.append(contentsOf: label)
            }
        }
        wire.append(0)
        guard wire.count <= Self.maximumBytes else { return nil }
        self.wire = wire
    }

    /// With ASCII letters in lower case. A label's length is at most 63, below the letters, so it is never changed.
    var lowercased: DNSName {
        var copy = wire
        for index in copy.indices where copy[index] >= 0x41 && copy[index] <= 0x5a { copy[index] |= 0x20 }
        return DNSName(wire: copy)
    }

    /// The labels, first one first, without the root's.
    var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var index = 0
        while index < wire.count, wire[index] != 0 {
            let end = min(index + 1 + Int(wire[index]), wire.count)
            labels.append(wire[index + 1..<end])
            index = end
        }
        return labels
    }

    /// The name without its first label; the root's is the root.
    var parent: DNSName {
        guard let length = wire.first, length > 0, wire.count > Int(length) + 1 else { return .root }
        return DNSName(wire: Array(wire[(Int(length) + 1)...]))
    }

    /// Whether this name is `other` or lies below it. Both in lower case.
    func isWithin(_ other: DNSName) -> Bool {
        var index = 0
        // Only at the beginning of a label may the rest be compared.
        while wire.count - index > other.wire.count, wire[index] != 0 { index += 1 + Int(wire[index]) }
        return wire.count - index == other.wire.count && wire[index...].elementsEqual(other.wire)
    }

    /// Dotted text; bytes other than printable ones, and dots in labels, as `\DDD` (RFC 1035, section 5.1).
    var description: String {
        let labels = labels.map { label in
            label.map { byte in
                let isPlain = byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "\\")
                guard !isPlain else { return String(UnicodeScalar(byte)) }
                let digits = String(byte)
                return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }.joined()
        }
        return labels.isEmpty ? "." : labels.joined(separator: ".")
    }
}
