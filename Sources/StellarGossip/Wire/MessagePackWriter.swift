/// Writes msgpack as go-msgpack with its defaults does, so that peers of every version can read it: strings and byte
/// arrays are both "raw" (never str8, never bin). Callers write the fields of a map sorted by name.
public struct MessagePackWriter: Sendable {
    public private(set) var bytes: [UInt8]

    /// - Parameter type: the type byte of a message; nil inside the body of a stream.
    /// - Parameter capacity: the expected number of bytes.
    public init(_ type: MessageType? = nil, capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
        if let type { bytes.append(type.rawValue) }
    }

    /// Begins a map of `count` fields, at most 15: no message has more.
    public mutating func map(_ count: Int) {
        assert(count < 16)
        bytes.append(0x80 | UInt8(truncatingIfNeeded: count))
    }

    public mutating func key(_ name: StaticString) {
        bytes.append(0xA0 | UInt8(truncatingIfNeeded: name.utf8CodeUnitCount))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { raw($0) }
    }

    /// Writes a byte array. An empty one is nil, as Go writes a slice that was never set.
    public mutating func byteArray(_ value: some Collection<UInt8>) {
        guard !value.isEmpty else {
            bytes.append(0xC0)
            return
        }
        raw(value)
    }

    private mutating func raw(_ value: some Collection<UInt8>) {
        let count = value.count
        switch count {
        case ..<32: bytes.append(0xA0 | UInt8(truncatingIfNeeded: count))
        case ...0xFFFF:
            bytes.append(0xDA)
            bigEndian(UInt64(count), width: 2)
        default:
            bytes.append(0xDB)
            bigEndian(UInt64(count), width: 4)
        }
        bytes.append(contentsOf: value)
    }

    public mutating func unsigned(_ value: some UnsignedInteger & FixedWidthInteger) {
        let value = UInt64(value)
        switch value {
        case ...0x7F: bytes.append(UInt8(truncatingIfNeeded: value))
        case ...0xFF: number(0xCC, value, width: 1)
        case ...0xFFFF: number(0xCD, value, width: 2)
        case ...0xFFFF_FFFF: number(0xCE, value, width: 4)
        default: number(0xCF, value, width: 8)
        }
    }

    /// Writes a value from 0 that is a signed integer in Go: go-msgpack 2 writes those with signed types.
    public mutating func signed(_ value: Int) {
        switch value {
        case ...0x7F: bytes.append(UInt8(truncatingIfNeeded: value))
        case ...0x7FFF: number(0xD1, UInt64(value), width: 2)
        case ...0x7FFF_FFFF: number(0xD2, UInt64(value), width: 4)
        default: number(0xD3, UInt64(value), width: 8)
        }
    }

    public mutating func bool(_ value: Bool) {
        bytes.append(value ? 0xC3 : 0xC2)
    }

    private mutating func number(_ type: UInt8, _ value: UInt64, width: Int) {
        bytes.append(type)
        bigEndian(value, width: width)
    }

    private mutating func bigEndian(_ value: UInt64, width: Int) {
        for shift in stride(from: 8 * (width - 1), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }
}
