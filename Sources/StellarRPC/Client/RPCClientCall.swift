public import NIOCore

/// One open call, for its caller.
public final class RPCClientCall: Sendable {
    let id: ClientMachine.CallID
    let method: RPCMethod
    let options: RPCCallOptions
    let deadline: NIODeadline?
    let inbox: MessageInbox
    let gate: SendGate
    private let initial = Eventually<RPCMetadata>()
    private let trailing = Eventually<RPCMetadata>()
    private let mailbox: LoopMailbox<ClientCommand>
    let expectsSingleResponse: Bool

    init(
        id: ClientMachine.CallID,
        method: RPCMethod,
        options: RPCCallOptions,
        expectsSingleResponse: Bool,
        configuration: RPCClientConfiguration,
        mailbox: LoopMailbox<ClientCommand>
    ) {
        self.id = id
        self.method = method
        self.options = options
        self.mailbox = mailbox
        self.expectsSingleResponse = expectsSingleResponse
        // A timeout far below zero would overflow into a far deadline.
        deadline = options.timeout.map { .now() + TimeAmount(max($0, .zero)) }
        gate = SendGate(limit: configuration.sendBufferLimit)
        inbox = MessageInbox { mailbox.send(.credit(id, $0)) }
    }

    /// Sends a message. Suspends while the call's buffer is over its limit: the server reads slower than the caller writes.
    ///
    /// - Throws: `RPCError` if the call has ended.
    public func send(_ message: ByteBuffer) async throws {
        try await gate.enter(message.readableBytes + MessageFramer.prefixLength)
        mailbox.send(.message(id, message))
    }

    /// Ends the requests. Idempotent.
    public func finishSending() {
        mailbox.send(.finish(id))
    }

    /// The responses, in order, to be read once. Iterating throws the status as `RPCError` unless it is OK.
    public var responses: RPCMessages { RPCMessages(inbox: inbox) }

    /// The metadata of the response's headers; suspends until they come.
    ///
    /// - Throws: `RPCError` if the call failed before.
    public func initialMetadata() async throws -> RPCMetadata {
        try await initial.get()
    }

    /// The metadata of the trailers; suspends until the call has ended. The `RPCError` of a failed call has it too.
    public func trailingMetadata() async -> RPCMetadata {
        (try? await trailing.get()) ?? [:]
    }

    /// Ends the call with `cancelled`. No effect on one that has ended.
    public func cancel() {
        mailbox.send(.cancel(id))
    }

    // Called by the event loop.

    func receive(initialMetadata: RPCMetadata) {
        initial.set(.success(initialMetadata))
    }

    func end(_ error: RPCError?, trailers: RPCMetadata) {
        // A trailers-only response has no initial metadata; that is not an error.
        initial.set(error.map { .failure($0) } ?? .success([:]))
        trailing.set(.success(trailers))
        gate.close(error ?? RPCError(.cancelled, "the call has ended"))
        inbox.finish(error)
    }
}
