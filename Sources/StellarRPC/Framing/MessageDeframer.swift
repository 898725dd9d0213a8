package import NIOCore

/// Assembles gRPC's length-prefixed messages from DATA frames, cut anywhere.
///
/// It checks the length before it keeps a byte of the message. Memory grows with the received bytes, not with the length.
package struct MessageDeframer {
    private let maxMessageSize: Int
    private var prefix: [UInt8] = []
    /// The missing bytes of the current message; nil while its prefix is incomplete.
    private var missing: Int?
    private var partial = ByteBuffer()
    private var failure: RPCError?

    /// The first reservation for a message; it doubles from there.
    private static let firstReservation = 64 << 10

    package init(maxMessageSize: Int) {
        self.maxMessageSize = maxMessageSize
    }

    /// Bytes held of an incomplete message.
    package var bufferedBytes: Int { prefix.count + partial.readableBytes }

    /// Whether no message is incomplete.
    package var isAtBoundary: Bool { prefix.isEmpty && missing == nil }

    /// Takes bytes and passes each completed message to `emit`.
    ///
    /// - Throws: `resourceExhausted` for a message over the limit, `internalError` for an invalid flag. Later calls throw the
    ///   same error.
    package mutating func append(_ bytes: ByteBuffer, emit: (ByteBuffer) -> Void) throws(RPCError) {
        if let failure { throw failure }
        var bytes = bytes
        while true {
            if missing == nil {
                guard try readPrefix(&bytes) else { return }
            }
            guard let lacking = missing else { return }
            let count = min(lacking, bytes.readableBytes)
            if partial.readableBytes == 0, count == lacking {
                // Complete. Copied, so that a small message does not keep the whole read buffer alive.
                var whole = ByteBuffer()
                if count > 0, let slice = bytes.readSlice(length: count) {
                    whole = ByteBuffer(bytes: slice.readableBytesView)
                }
                missing = nil
                emit(whole)
                continue
            }
            guard count > 0 else { return }
            if partial.readableBytes == 0 {
                partial = ByteBuffer()
                partial.reserveCapacity(min(lacking, max(Self.firstReservation, count)))
            } else if partial.writableBytes < count {
                partial.reserveCapacity(min(partial.readableBytes * 2, partial.readableBytes + lacking))
            }
            if var slice = bytes.readSlice(length: count) { partial.writeBuffer(&slice) }
            guard count == lacking else {
                missing = lacking - count
                return
            }
            missing = nil
            let whole = partial
            partial = ByteBuffer()
            emit(whole)
        }
    }

    /// - Returns: whether the prefix is complete.
    private mutating func readPrefix(_ bytes: inout ByteBuffer) throws(RPCError) -> Bool {
        let flag: UInt8
        let length: UInt32
        if prefix.isEmpty, let (whole, size) = bytes.readMultipleIntegers(as: (UInt8, UInt32).self) {
            flag = whole
            length = size
        } else {
            while prefix.count < MessageFramer.prefixLength {
                guard let byte = bytes.readInteger(as: UInt8.self) else { return false }
                prefix.append(byte)
            }
            flag = prefix[0]
            length = prefix.dropFirst().reduce(0) { $0 << 8 | UInt32($1) }
            prefix.removeAll(keepingCapacity: true)
        }
        guard flag == 0 else {
            throw fail(
                flag == 1
                    ? RPCError(.internalError, "a compressed message came without grpc-encoding")
                    : RPCError(.internalError, "the compressed flag of a message is \(flag); it must be 0 or 1")
            )
        }
        guard length <= maxMessageSize else {
            throw fail(
                RPCError(.resourceExhausted, "a message of \(length) bytes is over the limit of \(maxMessageSize)")
            )
        }
        missing = Int(length)
        return true
    }

    /// Drops the bytes of an incomplete message.
    package mutating func discard() {
        prefix = []
        partial = ByteBuffer()
    }

    private mutating func fail(_ error: RPCError) -> RPCError {
        failure = error
        discard()
        return error
    }
}
