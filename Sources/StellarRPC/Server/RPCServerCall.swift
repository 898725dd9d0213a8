public import NIOCore

/// One open call, as its handler sees it.
public final class RPCServerCall: Sendable {
    public let method: RPCMethod
    /// What came with the request's headers.
    public let metadata: RPCMetadata
    /// When the caller gives up; nil if it said nothing.
    public let deadline: ContinuousClock.Instant?
    public let peer: RPCPeer

    init(method: RPCMethod, metadata: RPCMetadata, deadline: ContinuousClock.Instant?, peer: RPCPeer) {
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
    }

    /// The requests, in order, to be read once. Throws `RPCError` with `cancelled` when the call is cancelled.
    public var requests: RPCMessages { RPCMessages(inbox: nil) }

    /// Sends a response; suspends while the call's buffer is over its limit, that is, while the client reads slower than we
    /// write.
    ///
    /// - Throws: `RPCError` if the call has ended.
    public func send(_ message: ByteBuffer) async throws {
        throw RPCError(.unimplemented, "not there yet")
    }

    /// Sends the headers now, with metadata. Otherwise they go with the first message. Only the first call has an effect.
    public func sendInitialMetadata(_ metadata: RPCMetadata) {}

    /// Sets what goes with the status.
    public func setTrailingMetadata(_ metadata: RPCMetadata) {}
}
