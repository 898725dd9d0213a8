import NIOCore

/// Splits a TCP stream into messages: each follows its length in two bytes (RFC 1035, section 4.2.2).
struct StreamFraming {
    private var buffer = ByteBuffer()

    /// The bytes that are not a whole message yet: at most one message and one read.
    var pendingBytes: Int {
        buffer.readableBytes
    }

    mutating func append(_ bytes: ByteBuffer) {
        buffer.discardReadBytes()
        var bytes = bytes
        buffer.writeBuffer(&bytes)
    }

    /// The next whole message; nil while there is none.
    mutating func next() -> [UInt8]? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
        guard buffer.readableBytes >= 2 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 2)
        return buffer.readBytes(length: Int(length))
    }

    /// A message behind its length.
    static func framed(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(2 + message.count)
        buffer.writeInteger(UInt16(truncatingIfNeeded: message.count))
        buffer.writeBytes(message)
        return buffer
    }
}
