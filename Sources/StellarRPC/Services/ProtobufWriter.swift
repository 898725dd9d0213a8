package import NIOCore

/// Writes the fields of one protobuf message: the counterpart of ``ProtobufReader``.
package struct ProtobufWriter: Sendable {
    package private(set) var message = ByteBuffer()

    package init() {}

    /// An int32 or enum. proto3 leaves out zero; so does this.
    package mutating func write(_ value: Int32, field: Int) {
        guard value != 0 else { return }
        writeVarint(UInt64(field) << 3)
        // Negative numbers are sign-extended to ten bytes.
        writeVarint(UInt64(bitPattern: Int64(value)))
    }

    /// A string. proto3 leaves out the empty one, unless it is the member of a oneof that is set (`always`).
    package mutating func write(_ text: String, field: Int, always: Bool = false) {
        guard always || !text.isEmpty else { return }
        write(ByteBuffer(string: text), field: field)
    }

    /// Bytes or a message, also when empty.
    package mutating func write(_ bytes: ByteBuffer, field: Int) {
        writeVarint(UInt64(field) << 3 | 2)
        writeVarint(UInt64(bytes.readableBytes))
        message.writeImmutableBuffer(bytes)
    }

    /// Repeated int32, packed as proto3 has it.
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
