/// Reads msgpack (msgpack specification, 2013) as go-msgpack writes and reads it: strings and byte arrays are one kind
/// ("raw", as before 2013), nil means empty, and an integer may have any width and signedness that holds the value.
///
/// It reads in place and copies only what a caller requests.
public struct MessagePackReader: Sendable {
    /// The bytes to read; ``raw()`` returns ranges of their indices.
    public let bytes: ArraySlice<UInt8>
    /// The index of the next byte.
    public private(set) var position: Int

    /// The deepest nesting. No known message has a map within a map; unknown fields of later versions may.
    private static let maximumDepth = 8

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    public init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    public var remaining: Int { bytes.endIndex - position }

    /// The bytes that were not read yet.
    public var rest: ArraySlice<UInt8> { bytes[position...] }

    /// Reads a map and calls `field` with each key that may be a known one. If it returns false, the value is skipped:
    /// peers of later versions may send unknown fields.
    public mutating func fields(
        _ field: (inout MessagePackReader, FieldName) throws(WireError) -> Bool
    ) throws(WireError) {
        for _ in 0..<(try mapCount()) {
            guard let name = FieldName(bytes[try raw()]), try field(&self, name) else {
                try skip()
                continue
            }
        }
    }

    private mutating func mapCount() throws(WireError) -> Int {
        let type = try byte()
        switch type {
        case 0x80...0x8F: return Int(type & 0x0F)
        case 0xDE: return Int(try bigEndian(2))
        case 0xDF:
            let count = try bigEndian(4)
            // An entry has at least two bytes, so a larger count is false.
            guard count <= UInt64(remaining / 2) else { throw .truncated }
            return Int(count)
        // A nil map, as Go writes one.
        case 0xC0: return 0
        default: throw .wrongType
        }
    }

    /// Reads a string or byte array, and returns its range in ``bytes``.
    public mutating func raw() throws(WireError) -> Range<Int> {
        let type = try byte()
        let count: UInt64
        switch type {
        case 0xC0: count = 0
        case 0xA0...0xBF: count = UInt64(type & 0x1F)
        case 0xD9, 0xC4: count = try bigEndian(1)
        case 0xDA, 0xC5: count = try bigEndian(2)
        case 0xDB, 0xC6: count = try bigEndian(4)
        default: throw .wrongType
        }
        guard count <= UInt64(remaining) else { throw .truncated }
        let start = position
        position += Int(count)
        return start..<position
    }

    /// Reads a string. Invalid UTF-8 in it is replaced (U+FFFD), so that it can always be shown.
    public mutating func string(maximum: Int) throws(WireError) -> String {
        let range = try raw()
        guard range.count <= maximum else { throw .tooLarge }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// Reads a node's name. It must be UTF-8 without control characters, so that it can be shown, logged and compared
    /// as it was written.
    mutating func nodeName() throws(WireError) -> String {
        let range = try raw()
        guard range.count <= WireLimits.name, let name = String(validating: bytes[range], as: UTF8.self),
            name.isEmpty || WireLimits.isSound(name: name)
        else { throw .name }
        return name
    }

    /// Reads a node's metadata.
    mutating func metadata() throws(WireError) -> [UInt8] {
        do throws(WireError) {
            return try byteArray(maximum: WireLimits.metadata)
        } catch .tooLarge {
            throw .metadata
        }
    }

    /// Reads a byte array. Like go-msgpack it accepts an array of integers for one.
    public mutating func byteArray(maximum: Int) throws(WireError) -> [UInt8] {
        [UInt8](try byteSlice(maximum: maximum))
    }

    /// Reads a byte array, without a copy unless it is an array of integers.
    mutating func byteSlice(maximum: Int) throws(WireError) -> ArraySlice<UInt8> {
        if let count = try arrayCount() {
            guard count <= maximum else { throw .tooLarge }
            var result: [UInt8] = []
            for _ in 0..<count { result.append(UInt8(truncatingIfNeeded: try unsigned(maximum: 255))) }
            return result[...]
        }
        let range = try raw()
        guard range.count <= maximum else { throw .tooLarge }
        return bytes[range]
    }

    /// Reads the count of an array; nil if the next value is not an array.
    private mutating func arrayCount() throws(WireError) -> Int? {
        guard remaining > 0 else { throw .truncated }
        let type = bytes[position]
        let count: UInt64
        switch type {
        case 0x90...0x9F:
            position += 1
            count = UInt64(type & 0x0F)
        case 0xDC:
            position += 1
            count = try bigEndian(2)
        case 0xDD:
            position += 1
            count = try bigEndian(4)
        default: return nil
        }
        guard count <= UInt64(remaining) else { throw .truncated }
        return Int(count)
    }

    /// Reads an integer from 0 to `maximum`.
    public mutating func unsigned(maximum: UInt64) throws(WireError) -> UInt64 {
        let type = try byte()
        let value: UInt64
        switch type {
        case 0x00...0x7F: value = UInt64(type)
        // Go reads nil as zero.
        case 0xC0: value = 0
        case 0xCC: value = try bigEndian(1)
        case 0xCD: value = try bigEndian(2)
        case 0xCE: value = try bigEndian(4)
        case 0xCF: value = try bigEndian(8)
        case 0xD0, 0xD1, 0xD2, 0xD3:
            let width = 1 << Int(type - 0xD0)
            value = try bigEndian(width)
            guard value >> UInt64(8 * width - 1) == 0 else { throw .outOfRange }
        case 0xE0...0xFF: throw .outOfRange
        default: throw .wrongType
        }
        guard value <= maximum else { throw .outOfRange }
        return value
    }

    public mutating func uint32() throws(WireError) -> UInt32 {
        UInt32(truncatingIfNeeded: try unsigned(maximum: UInt64(UInt32.max)))
    }

    public mutating func uint16() throws(WireError) -> UInt16 {
        UInt16(truncatingIfNeeded: try unsigned(maximum: UInt64(UInt16.max)))
    }

    public mutating func bool() throws(WireError) -> Bool {
        switch try byte() {
        case 0xC3, 0x01: return true
        case 0xC2, 0x00, 0xC0: return false
        default: throw .wrongType
        }
    }

    /// Skips one value of any kind.
    public mutating func skip() throws(WireError) {
        try skip(depth: 0)
    }

    private mutating func skip(depth: Int) throws(WireError) {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        let type = try byte()
        switch type {
        case 0x00...0x7F, 0xE0...0xFF, 0xC0, 0xC2, 0xC3: return
        case 0x80...0x8F: try skip(values: 2 * UInt64(type & 0x0F), depth: depth)
        case 0x90...0x9F: try skip(values: UInt64(type & 0x0F), depth: depth)
        case 0xA0...0xBF: try advance(UInt64(type & 0x1F))
        case 0xC4, 0xD9: try advance(try bigEndian(1))
        case 0xC5, 0xDA: try advance(try bigEndian(2))
        case 0xC6, 0xDB: try advance(try bigEndian(4))
        case 0xCC, 0xD0: try advance(1)
        case 0xCD, 0xD1: try advance(2)
        case 0xCA, 0xCE, 0xD2: try advance(4)
        case 0xCB, 0xCF, 0xD3: try advance(8)
        // Extensions: a type byte and the data.
        case 0xC7: try advance(1 + (try bigEndian(1)))
        case 0xC8: try advance(1 + (try bigEndian(2)))
        case 0xC9: try advance(1 + (try bigEndian(4)))
        case 0xD4...0xD8: try advance(1 + (1 << UInt64(type - 0xD4)))
        case 0xDC: try skip(values: try bigEndian(2), depth: depth)
        case 0xDD: try skip(values: try bigEndian(4), depth: depth)
        case 0xDE: try skip(values: 2 * (try bigEndian(2)), depth: depth)
        case 0xDF: try skip(values: 2 * (try bigEndian(4)), depth: depth)
        default: throw .wrongType
        }
    }

    private mutating func skip(values: UInt64, depth: Int) throws(WireError) {
        guard values <= UInt64(remaining) else { throw .truncated }
        for _ in 0..<values { try skip(depth: depth + 1) }
    }

    private mutating func advance(_ count: UInt64) throws(WireError) {
        guard count <= UInt64(remaining) else { throw .truncated }
        position += Int(count)
    }

    private mutating func byte() throws(WireError) -> UInt8 {
        guard position < bytes.endIndex else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func bigEndian(_ width: Int) throws(WireError) -> UInt64 {
        guard width <= remaining else { throw .truncated }
        var value: UInt64 = 0
        for byte in bytes[position..<position + width] { value = value << 8 | UInt64(byte) }
        position += width
        return value
    }
}
