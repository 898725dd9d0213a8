import NIOCore
import StellarRPC
import SwiftProtobuf

/// A buffer as SwiftProtobuf sees bytes: read in place, written in place.
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
    /// The encoded form, without a copy on the way.
    ///
    /// - Throws: `RPCError` with `internalError`: a message of ours that cannot be encoded.
    func encoded() throws(RPCError) -> ByteBuffer {
        do {
            let bytes: BufferBytes = try serializedBytes()
            return bytes.buffer
        } catch {
            throw RPCError(.internalError, "\(Self.protoMessageName) cannot be encoded: \(error)")
        }
    }

    /// Reads the encoded form in place.
    ///
    /// - Throws: `RPCError` with `code`, naming the message.
    init(encoded: ByteBuffer, failing code: RPCCode) throws(RPCError) {
        do {
            try self.init(serializedBytes: BufferBytes(buffer: encoded))
        } catch {
            throw RPCError(code, "not a valid \(Self.protoMessageName): \(error)")
        }
    }
}
