/// Why bytes are not a DNS message.
enum DNSFormatError: Error, Hashable {
    /// The message ends within something.
    case short
    /// A name is too long, or a label has a reserved length.
    case badName
    /// A compression pointer leads forward, to itself, or through too many others.
    case badPointer
}

/// Reads a DNS message (RFC 1035, section 4). Any bytes are safe: every step checks what is left.
struct DNSReader {
    /// A pointer must lead strictly backwards, which alone ends every chain; this ends long ones early. Names are
    /// compressed by one hop in practice.
    static let maximumPointers = 16

    let bytes: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    var remaining: Int {
        bytes.count - position
    }

    mutating func byte() throws(DNSFormatError) -> UInt8 {
        guard position < bytes.count else { throw .short }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func uint16() throws(DNSFormatError) -> UInt16 {
        guard remaining >= 2 else { throw .short }
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    mutating func uint32() throws(DNSFormatError) -> UInt32 {
        let high = try uint16()
        return UInt32(high) << 16 | UInt32(try uint16())
    }

    mutating func slice(_ count: Int) throws(DNSFormatError) -> ArraySlice<UInt8> {
        guard count >= 0, remaining >= count else { throw .short }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A name, its compression resolved (RFC 1035, section 4.1.4).
    mutating func name() throws(DNSFormatError) -> DNSName {
        var wire: [UInt8] = []
        wire.reserveCapacity(32)
        var index = position
        /// The start of the name, or the target of the last pointer: the next pointer must lead to before it.
        var lowest = position
        var pointers = 0
        while true {
            guard index < bytes.count else { throw .short }
            let length = Int(bytes[index])
            switch length >> 6 {
            case 0b00:
                guard index + 1 + length <= bytes.count else { throw .short }
                wire.append(contentsOf: bytes[index..<index + 1 + length])
                // The root's own byte still has to fit.
                guard wire.count + (length == 0 ? 0 : 1) <= DNSName.maximumBytes else { throw .badName }
                index += 1 + length
                guard length == 0 else { continue }
                if pointers == 0 { position = index }
                return DNSName(wire: wire)
            case 0b11:
                guard index + 1 < bytes.count else { throw .short }
                let target = (length & 0x3f) << 8 | Int(bytes[index + 1])
                if pointers == 0 { position = index + 2 }
                pointers += 1
                guard target < lowest, pointers <= Self.maximumPointers else { throw .badPointer }
                lowest = target
                index = target
            default:
                throw .badName
            }
        }
    }
}
