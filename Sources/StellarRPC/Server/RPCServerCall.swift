public import NIOCore
import Synchronization

/// One open call, for its handler.
public final class RPCServerCall: Sendable {
    public let method: RPCMethod
    /// The metadata of the request's headers.
    public let metadata: RPCMetadata
    /// The time at which the call fails with `deadlineExceeded`; nil if the caller set none.
    public let deadline: ContinuousClock.Instant?
    /// The client that made the call.
    public let caller: Caller

    let stream: Int32
    /// nil where the handler receives its one request as an argument.
    let inbox: MessageInbox?
    /// nil where the handler returns its one response.
    let gate: SendGate?
    private let mailbox: LoopMailbox<ServerCommand>
    private let trailing = Mutex<RPCMetadata>([:])

    init(
        method: RPCMethod,
        head: RequestHead,
        caller: Caller,
        stream: Int32,
        inbox: MessageInbox?,
        gate: SendGate?,
        mailbox: LoopMailbox<ServerCommand>
    ) {
        self.method = method
        metadata = head.metadata
        deadline = head.timeout.map { ContinuousClock.now + $0 }
        self.caller = caller
        self.stream = stream
        self.inbox = inbox
        self.gate = gate
        self.mailbox = mailbox
    }

    /// The requests, in order, to be read once. Throws `RPCError` with `cancelled` when the call is cancelled. Empty in a
    /// handler that receives its request as an argument.
    public var requests: RPCMessages { RPCMessages(inbox: inbox) }

    /// Sends a response. Suspends while the call's buffer is over its limit: the client reads slower than the handler writes.
    ///
    /// - Throws: `RPCError` if the call has ended; `internalError` in a handler that returns its response.
    public func send(_ message: ByteBuffer) async throws {
        guard let gate else {
            throw RPCError(.internalError, "\(method): a unary handler returns its response instead of sending it")
        }
        try await gate.enter(message.readableBytes + MessageFramer.prefixLength)
        mailbox.send(.message(stream, message))
    }

    /// Sends the headers now, with metadata. Without it they go with the first message. Only the first call has an effect.
    public func sendInitialMetadata(_ metadata: RPCMetadata) {
        mailbox.send(.headers(stream, metadata))
    }

    /// Sets the metadata that goes with the status.
    public func setTrailingMetadata(_ metadata: RPCMetadata) {
        trailing.withLock { $0 = metadata }
    }

    var trailingMetadata: RPCMetadata { trailing.withLock { $0 } }

    /// Ends the call: a task that waits in `send` or for a request throws the error.
    func end(_ error: RPCError) {
        gate?.close(error)
        inbox?.finish(error)
    }
}
