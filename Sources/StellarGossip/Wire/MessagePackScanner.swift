/// Finds the end of a msgpack value while its bytes still arrive.
///
/// It reads each byte once, however small the pieces are: a peer that sends byte by byte must not cost more time.
struct MessagePackScanner: Sendable {
    /// The deepest nesting. No known message has a map within a map; unknown fields of later versions may.
    private static let maximumDepth = 8

    /// The index of the value's first byte.
    let start: Int
    /// The index of the next byte to read; beyond the received bytes while a long value is incomplete.
    private(set) var position: Int
    /// How many values are still missing, by depth.
    private var awaited: [UInt64] = [1]

    init(at position: Int) {
        start = position
        self.position = position
    }

    /// Continues as far as the bytes reach.
    ///
    /// - Parameters:
    ///   - bytes: the bytes of the last call, and more.
    ///   - limit: the highest index at which the value may end.
    /// - Returns: the index after the value; nil while it is incomplete.
    mutating func end(in bytes: [UInt8], limit: Int) throws(WireError) -> Int? {
        while let awaitedHere = awaited.last {
            if awaitedHere == 0 {
                awaited.removeLast()
                continue
            }
            guard position <= limit else { throw .tooLarge }
            guard position < bytes.count, let head = try Self.head(bytes[position...]) else { return nil }
            awaited[awaited.count - 1] -= 1
            guard UInt64(limit) >= head.bytes else { throw .tooLarge }
            position += Int(head.bytes)
            if head.values > 0 {
                guard awaited.count <= Self.maximumDepth else { throw .tooDeep }
                awaited.append(head.values)
            }
        }
        guard position <= limit else { throw .tooLarge }
        return position <= bytes.count ? position : nil
    }

    /// Reads the head of a value: its bytes without the values in it, and the number of those values.
    ///
    /// - Returns: nil if the head is incomplete.
    private static func head(_ bytes: ArraySlice<UInt8>) throws(WireError) -> (bytes: UInt64, values: UInt64)? {
        func length(_ width: Int) -> UInt64? {
            guard bytes.count > width else { return nil }
            return bytes.dropFirst().prefix(width).reduce(0) { $0 << 8 | UInt64($1) }
        }
        func raw(_ width: Int, extra: UInt64 = 0) -> (bytes: UInt64, values: UInt64)? {
            length(width).map { (1 + UInt64(width) + extra + $0, 0) }
        }
        func values(_ width: Int, each: UInt64) -> (bytes: UInt64, values: UInt64)? {
            length(width).map { (1 + UInt64(width), each * $0) }
        }
        let type = bytes[bytes.startIndex]
        switch type {
        case 0x00...0x7F, 0xE0...0xFF, 0xC0, 0xC2, 0xC3: return (1, 0)
        case 0x80...0x8F: return (1, 2 * UInt64(type & 0x0F))
        case 0x90...0x9F: return (1, UInt64(type & 0x0F))
        case 0xA0...0xBF: return (1 + UInt64(type & 0x1F), 0)
        case 0xCC, 0xD0: return (2, 0)
        case 0xCD, 0xD1: return (3, 0)
        case 0xCA, 0xCE, 0xD2: return (5, 0)
        case 0xCB, 0xCF, 0xD3: return (9, 0)
        case 0xC4, 0xD9: return raw(1)
        case 0xC5, 0xDA: return raw(2)
        case 0xC6, 0xDB: return raw(4)
        // Extensions: a type byte and the data.
        case 0xC7: return raw(1, extra: 1)
        case 0xC8: return raw(2, extra: 1)
        case 0xC9: return raw(4, extra: 1)
        case 0xD4...0xD8: return (2 + 1 << UInt64(type - 0xD4), 0)
        case 0xDC: return values(2, each: 1)
        case 0xDD: return values(4, each: 1)
        case 0xDE: return values(2, each: 2)
        case 0xDF: return values(4, each: 2)
        default: throw .wrongType
        }
    }
}
