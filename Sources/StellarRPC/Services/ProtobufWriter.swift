package import NIOCore

/// Writes the fields of one protobuf message: the counterpart of ``ProtobufReader``.
package struct ProtobufWriter: Sendable {
    package private(set) var message = ByteBuffer()

    package init() {}

    /// Writes an int32 or enum. Omits zero, as proto3 does.
    package mutating func write(_ value: Int32, field: Int) {
        guard value != 0 else { return }
        writeVarint(UInt64(field) << 3)
        // Negative numbers are sign-extended to ten bytes.
        writeVarint(UInt64(bitPattern: Int64(value)))
    }

    /// Writes a string. Omits the empty one, as proto3 does, unless it is the set member of a oneof (`always`).
    package mutating func write(_ text: String, field: Int, always: Bool = false) {
        guard always || !text.isEmpty else { return }
        write(ByteBuffer(string: text), field: field)
    }

    /// Writes bytes or a message, also when empty.
    package mutating func write(_ bytes: ByteBuffer, field: Int) {
        writeVarint(UInt64(field) << 3 | 2)
        writeVarint(UInt64(bytes.readableBytes))
        message.writeImmutableBuffer(bytes)
    }

    /// Writes a repeated int32, packed.
    package mutating func write(_ values: [Int32], field: Int) {
        guard !values.isEmpty else { return }
        var packed = ProtobufWriter()
        for value in values { packed.writeVarint(UInt64(bitPattern: Int64(value))) }
        write(packed.message, field: field)
    }

    private mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            message.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        message.writeInteger(UInt8(rest))
    }
}
