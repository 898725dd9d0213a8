import DequeModule
package import NIOCore

/// A queue of gRPC's length-prefixed messages that become DATA frames.
///
/// Each is a compressed flag (always 0 here), the length in 4 bytes big-endian, and the bytes ("Length-Prefixed-Message" in
/// gRPC's PROTOCOL-HTTP2).
package struct MessageFramer {
    package static let prefixLength = 5

    private var queue = Deque<ByteBuffer>()
    /// Bytes of the first message's prefix that were read.
    private var prefixRead = 0
    /// Prefixes included.
    package private(set) var pendingBytes = 0

    package init() {}

    package var isEmpty: Bool { queue.isEmpty }

    package mutating func append(_ message: ByteBuffer) {
        queue.append(message)
        pendingBytes += Self.prefixLength + message.readableBytes
    }

    /// Fills `target` with queued bytes.
    ///
    /// - Returns: the number of bytes written.
    package mutating func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while written < target.count, !queue.isEmpty {
            let length = queue[0].readableBytes
            // The prefix is written before the message is read, so the length is the whole one.
            while prefixRead < Self.prefixLength, written < target.count {
                let shift = UInt32(8 * (Self.prefixLength - 1 - prefixRead))
                target[written] = prefixRead == 0 ? 0 : UInt8(truncatingIfNeeded: UInt32(clamping: length) >> shift)
                prefixRead += 1
                written += 1
            }
            guard prefixRead == Self.prefixLength else { break }
            let count = min(target.count - written, length)
            if count > 0 {
                queue[0].readWithUnsafeReadableBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: target[written..<written + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
                    return count
                }
                written += count
            }
            if count == length {
                queue.removeFirst()
                prefixRead = 0
            }
        }
        pendingBytes -= written
        return written
    }
}
