/// The name of a message's field in two machine words. Decoding compares the names of all fields of every message, and
/// no known name is longer than 15 bytes.
public struct FieldName: Sendable, Equatable, ExpressibleByStringLiteral {
    private let high: UInt64
    /// Its lowest byte is the length.
    private let low: UInt64

    private static let maximumLength = 15

    /// - Returns: nil for a name that is longer than any known one.
    @inline(__always)
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.maximumLength else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.high = high << 8 | low >> 56
        self.low = low << 8 | UInt64(bytes.count)
    }

    /// - Parameter name: at most 15 bytes of ASCII.
    @inline(__always)
    public init(stringLiteral name: StaticString) {
        let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        assert(bytes.count <= Self.maximumLength)
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.high = high << 8 | low >> 56
        self.low = low << 8 | UInt64(bytes.count)
    }
}
