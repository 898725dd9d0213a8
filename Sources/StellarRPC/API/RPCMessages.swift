public import NIOCore

/// The messages of one direction of a call, in order. To be read by one task at a time, once.
public struct RPCMessages: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    public struct AsyncIterator: AsyncIteratorProtocol {
        /// The next message; nil after the last one.
        ///
        /// - Throws: `RPCError`; `cancelled` when the reading task is cancelled.
        public mutating func next() async throws -> ByteBuffer? { nil }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}
