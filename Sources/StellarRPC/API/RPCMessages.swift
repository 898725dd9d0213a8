public import NIOCore

/// The messages of one direction of a call, in order. One task at a time can read them, once.
public struct RPCMessages: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    /// nil where the handler received its one request as an argument.
    let inbox: MessageInbox?

    public struct AsyncIterator: AsyncIteratorProtocol {
        let inbox: MessageInbox?

        /// The next message; nil after the last one.
        ///
        /// - Throws: `RPCError`; `cancelled` when the reading task is cancelled.
        public mutating func next() async throws -> ByteBuffer? {
            try await inbox?.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox: inbox) }
}
