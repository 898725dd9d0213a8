package import NIOCore

/// Reads the fields of one protobuf message in wire order (protobuf.dev/programming-guides/encoding).
///
/// It reads the few messages of the standard gRPC services, so that this module needs no protobuf library. It checks every
/// length against the remaining bytes, and never allocates by a length.
package struct ProtobufReader: Sendable {
    package enum Value: Sendable, Equatable {
        case varint(UInt64)
        case fixed64(UInt64)

        /// A string, bytes, a message or packed numbers.
        case bytes(ByteBuffer)
        case fixed32(UInt32)

        /// A group, which proto3 does not have: its fields are checked and left out.
        case group
    }

    package struct Field: Sendable, Equatable {
        package var number: Int
        package var value: Value
    }

    /// The error for bytes that are not a protobuf message.
    package struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// Groups inside groups. Real messages have none; protobuf's own libraries stop at 100.
    package static let maxGroupDepth = 100

    private var rest: ByteBuffer

    package init(_ message: ByteBuffer) { rest = message }

    /// The next field, `nil` at the end of the message.
    package mutating func next() throws(Malformed) -> Field? {
        guard rest.readableBytes > 0 else { return nil }
        let (number, type) = try tag()
        switch type {
        case 3:
            try skipGroup(number)
            return Field(number: number, value: .group)
        case 4: throw Malformed(description: "field \(number): the end of a group without its start")
        default: return Field(number: number, value: try value(number, type))
        }
    }

    private mutating func tag() throws(Malformed) -> (number: Int, type: UInt8) {
        let tag = try varint("a tag")
        // Field numbers are 1 to 2^29 - 1, so that a tag has 32 bits.
        guard tag >> 3 >= 1, tag >> 3 < 1 << 29 else { throw Malformed(description: "field number \(tag >> 3)") }
        return (Int(tag >> 3), UInt8(tag & 7))
    }

    private mutating func value(_ number: Int, _ type: UInt8) throws(Malformed) -> Value {
        switch type {
        case 0: return .varint(try varint("field \(number)"))
        case 1:
            guard let value = rest.readInteger(endianness: .little, as: UInt64.self) else { throw cut(number) }
            return .fixed64(value)
        case 2:
            let length = try varint("the length of field \(number)")
            guard length <= UInt64(rest.readableBytes), let slice = rest.readSlice(length: Int(length)) else {
                throw Malformed(
                    description: "field \(number) has a length of \(length) bytes, but \(rest.readableBytes) are left"
                )
            }
            return .bytes(slice)
        case 5:
            guard let value = rest.readInteger(endianness: .little, as: UInt32.self) else { throw cut(number) }
            return .fixed32(value)
        default: throw Malformed(description: "field \(number) has wire type \(type), which does not exist")
        }
    }

    /// At most ten bytes, of which the last holds one bit.
    private mutating func varint(_ what: String) throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.readInteger(as: UInt8.self) else { throw Malformed(description: "\(what) is cut") }
            if shift == 63, byte > 1 { break }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Malformed(description: "\(what) is a number of more than 64 bits")
    }

    private mutating func skipGroup(_ number: Int) throws(Malformed) {
        var open = [number]
        while let group = open.last {
            guard rest.readableBytes > 0 else { throw cut(group) }
            let (number, type) = try tag()
            switch type {
            case 3:
                guard open.count < Self.maxGroupDepth else { throw Malformed(description: "groups nested too deep") }
                open.append(number)
            case 4:
                guard number == group else { throw Malformed(description: "group \(group) ends as \(number)") }
                open.removeLast()
            default: _ = try value(number, type)
            }
        }
    }

    private func cut(_ number: Int) -> Malformed { Malformed(description: "field \(number) is cut") }
}

extension ProtobufReader.Field {
    /// The value as a string, which must be UTF-8.
    package func string() throws(ProtobufReader.Malformed) -> String {
        guard let text = String(validating: try bytes().readableBytesView, as: UTF8.self) else {
            throw ProtobufReader.Malformed(description: "field \(number) is not UTF-8")
        }
        return text
    }

    /// The value as bytes, or as an encoded message.
    package func bytes() throws(ProtobufReader.Malformed) -> ByteBuffer {
        guard case .bytes(let bytes) = value else { throw wrongType }
        return bytes
    }

    /// The value as an int32 or enum: the low 32 bits, as protobuf specifies.
    package func int32() throws(ProtobufReader.Malformed) -> Int32 {
        guard case .varint(let value) = value else { throw wrongType }
        return Int32(truncatingIfNeeded: value)
    }

    private var wrongType: ProtobufReader.Malformed {
        ProtobufReader.Malformed(description: "field \(number) has the wrong wire type")
    }
}
