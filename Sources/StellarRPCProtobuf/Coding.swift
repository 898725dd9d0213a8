import NIOCore
import StellarRPC
import SwiftProtobuf

/// A `ByteBuffer` for SwiftProtobuf, read and written in place.
struct BufferBytes: SwiftProtobufContiguousBytes {
    var buffer: ByteBuffer

    init(buffer: ByteBuffer) {
        self.buffer = buffer
    }

    init(repeating: UInt8, count: Int) {
        buffer = ByteBuffer(repeating: repeating, count: count)
    }

    init<S: Sequence>(_ sequence: S) where S.Element == UInt8 {
        buffer = ByteBuffer(bytes: sequence)
    }

    var count: Int { buffer.readableBytes }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeReadableBytes(body)
    }

    mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeMutableReadableBytes(body)
    }
}

extension Message {
    /// The encoded message, without a copy.
    ///
    /// - Throws: `RPCError` with `internalError` if the message cannot be encoded.
    func encoded() throws(RPCError) -> ByteBuffer {
        do {
            let bytes: BufferBytes = try serializedBytes()
            return bytes.buffer
        } catch {
            throw RPCError(.internalError, "cannot encode \(Self.protoMessageName): \(error)")
        }
    }

    /// Decodes a message in place.
    ///
    /// - Throws: `RPCError` with `code`, naming the message.
    init(encoded: ByteBuffer, failing code: RPCCode) throws(RPCError) {
        do {
            try self.init(serializedBytes: BufferBytes(buffer: encoded))
        } catch {
            throw RPCError(code, "cannot decode \(Self.protoMessageName): \(error)")
        }
    }
}
