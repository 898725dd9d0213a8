/// A compound message: `07 count length×count message×count`, lengths in two bytes, big-endian.
enum Compound {
    /// The count is one byte.
    static let maximumParts = 255
    /// Type and count.
    static let overhead = 2
    /// The length of each part.
    static let overheadPerPart = 2

    /// Bytes of a compound of these parts.
    static func length(of parts: [[UInt8]]) -> Int {
        parts.reduce(overhead) { $0 + overheadPerPart + $1.count }
    }

    static func append(_ parts: [[UInt8]], to bytes: inout [UInt8]) {
        assert(parts.count <= maximumParts && parts.allSatisfy { $0.count <= Int(UInt16.max) })
        bytes.append(MessageType.compound.rawValue)
        bytes.append(UInt8(truncatingIfNeeded: parts.count))
        for part in parts {
            bytes.append(UInt8(truncatingIfNeeded: part.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: part.count))
        }
        for part in parts { bytes.append(contentsOf: part) }
    }

    /// Decodes the bytes after the type byte.
    ///
    /// - Returns: the complete parts, and whether the bytes ended before the last: the parts of a truncated datagram
    ///   are used.
    static func decode(_ body: ArraySlice<UInt8>) -> (parts: [ArraySlice<UInt8>], isTruncated: Bool) {
        guard let count = body.first.map({ Int($0) }) else { return ([], true) }
        let lengths = body.dropFirst().prefix(2 * count)
        guard lengths.count == 2 * count else { return ([], true) }
        var parts: [ArraySlice<UInt8>] = []
        var position = lengths.endIndex
        for index in stride(from: lengths.startIndex, to: lengths.endIndex, by: 2) {
            let length = Int(lengths[index]) << 8 | Int(lengths[index + 1])
            guard length <= body.endIndex - position else { return (parts, true) }
            parts.append(body[position..<position + length])
            position += length
        }
        return (parts, false)
    }
}
