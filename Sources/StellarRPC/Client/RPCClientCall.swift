public import NIOCore

/// One open call, as its caller sees it.
public final class RPCClientCall: Sendable {
    init() {}

    /// Sends a message; suspends while the call's buffer is over its limit, that is, while the peer reads slower than we write.
    ///
    /// - Throws: `RPCError` if the call has ended.
    public func send(_ message: ByteBuffer) async throws {
        throw RPCError(.unimplemented, "not there yet")
    }

    /// Says that no further message will come. Idempotent.
    public func finishSending() {}

    /// The responses, in order, to be read once. Iterating throws the status as `RPCError` if it is not OK.
    public var responses: RPCMessages { RPCMessages() }

    /// The headers' metadata; suspends until they are there.
    ///
    /// - Throws: `RPCError` if the call failed before.
    public func initialMetadata() async throws -> RPCMetadata { [:] }

    /// The trailers' metadata; suspends until the call has ended. That of a failed call is in `RPCError.metadata` too.
    public func trailingMetadata() async -> RPCMetadata { [:] }

    /// Ends the call with `cancelled`. No effect on one that has ended.
    public func cancel() {}
}
