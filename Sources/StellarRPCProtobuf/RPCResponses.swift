import StellarRPC
public import SwiftProtobuf

/// The typed messages of one direction of a call, in order. To be read once.
public struct RPCResponses<Element: Message>: AsyncSequence, Sendable {
    let messages: RPCMessages
    let code: RPCCode

    public struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: RPCMessages.AsyncIterator
        let code: RPCCode

        /// - Throws: `RPCError`.
        public mutating func next() async throws -> Element? {
            guard let bytes = try await iterator.next() else { return nil }
            return try Element(encoded: bytes, failing: code)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: messages.makeAsyncIterator(), code: code)
    }
}

/// The requests of a streaming method.
public typealias RPCRequests<Element: Message> = RPCResponses<Element>
