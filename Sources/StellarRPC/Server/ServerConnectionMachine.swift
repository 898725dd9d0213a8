package import NIOCore

/// The rules of one server connection: its open calls, its client's limits, its end. Pure.
///
/// Events go in with the time; after each, the driver takes the effects until there are no more.
package struct ServerConnectionMachine {
    /// What the driver does, in order. An `Int32` is a stream's number.
    package enum Effect: Hashable {
        // Frames for the session.
        /// Send headers, to be followed by messages.
        case respond(Int32, [HTTP2Header])
        case send(Int32, ByteBuffer)
        /// End the stream with trailers.
        case finish(Int32, [HTTP2Header])
        /// Respond with one header block that ends the stream ("Trailers-Only" in gRPC's PROTOCOL-HTTP2).
        case trailersOnly(Int32, [HTTP2Header])
        case reset(Int32, HTTP2ErrorCode)
        case credit(Int32, Int)
        case creditConnection(Int)
        case ping(UInt64)
        case announceGoAway
        case goAway(HTTP2ErrorCode, debug: String)

        // Calls.
        /// A valid request: make the call of this method, with its deadline.
        case accept(Int32, RequestHead, method: Int)
        /// Run the handler, with the whole request if it takes one.
        case start(Int32, ByteBuffer?)
        /// Messages for a handler that reads them, and the stream's credit that they return.
        case deliver(Int32, [ByteBuffer], credit: Int)
        case endRequests(Int32)
        /// The call has ended; its handler may still run.
        case cancel(Int32, RPCError)
        /// The stream is closed: drop the call.
        case forget(Int32)

        // The connection.
        case closeAfterWriting(String?)
        case close(String)
        /// Call `tick` at this time; it replaces an earlier `wake`.
        case wake(at: NIODeadline)
        /// Report to the server how many bytes this connection holds.
        case report(Int)
    }

    /// Where a connection stands between accept and close.
    enum State {
        /// The channel, with TLS if it has that, is not open yet: nothing can come.
        case opening
        case serving(Client)
        /// GOAWAY was announced; the connection closes after its last call.
        case draining(Client)
        /// The connection will close; events have no effect.
        case closing
    }

    /// What a client has done of the HTTP/2 handshake.
    enum Client {
        /// Its SETTINGS have not come.
        case handshaking
        /// Its SETTINGS came. The keepalive is nil where none is configured.
        case ready(Keepalive?)
    }

    /// The keepalive of a connection and when to `tick` it.
    struct Keepalive {
        var machine: KeepaliveMachine
        var due = NIODeadline.distantFuture
    }

    /// The payload of the PING whose acknowledgement proves that the client has received GOAWAY.
    package static let drainPing: UInt64 = 0x6472_6169_6E00_0001

    /// Refuses new streams when the running handlers, also of ended calls, reach this many times the stream limit.
    private static let lingeringFactor = 2

    let methods: MethodTable
    let configuration: RPCServerConfiguration
    var effects = EffectQueue<Effect>()
    var calls: [Int32: ServerCallState] = [:]
    /// Handlers whose tasks have not returned, also those of ended calls.
    var runningHandlers = 0
    /// Calls whose one request is incomplete.
    var waitingCalls = 0
    /// Bytes of requests in the machine: incomplete messages, and complete ones whose END_STREAM has not come.
    var bufferedBytes = 0
    /// Bytes of requests that handlers have yet to read, and of responses that are not written, as last measured.
    private var unreadBytes = 0
    private var unsentBytes = 0
    private var reportedBytes = 0
    private var protection: ConnectionGuard
    var timeouts: ServerTimeouts
    var wakeAt = NIODeadline.distantFuture
    private(set) var state = State.opening

    package init(methods: MethodTable, configuration: RPCServerConfiguration, now: NIODeadline) {
        self.methods = methods
        self.configuration = configuration
        protection = ConnectionGuard(limits: configuration.limits)
        timeouts = ServerTimeouts(limits: configuration.limits, now: now)
    }

    package mutating func nextEffect() -> Effect? { effects.next() }

    var isClosing: Bool { if case .closing = state { true } else { false } }

    /// The keepalive of a ready client. Setting it in another state has no effect.
    var keepalive: Keepalive? {
        get {
            switch state {
            case .serving(.ready(let keepalive)), .draining(.ready(let keepalive)): keepalive
            case .opening, .serving(.handshaking), .draining(.handshaking), .closing: nil
            }
        }
        set {
            switch state {
            case .serving(.ready): state = .serving(.ready(newValue))
            case .draining(.ready): state = .draining(.ready(newValue))
            case .opening, .serving(.handshaking), .draining(.handshaking), .closing:
                // A keepalive lost here would leave a dead client connected. Optional chaining writes nil back.
                assert(newValue == nil, "only a ready client has a keepalive")
            }
        }
    }

    // MARK: The channel

    /// The channel is active, and TLS on it is established.
    package mutating func activated(now: NIODeadline) {
        switch state {
        case .opening: state = .serving(.handshaking)
        case .serving, .draining: break
        case .closing: return effects.append(.close("the server is shutting down"))
        }
        rearm()
    }

    /// Bytes came.
    package mutating func bytesReceived(now: NIODeadline) {
        keepalive?.machine.bytesReceived(now: now)
    }

    /// The channel became writable again.
    package mutating func wrote(now: NIODeadline) {
        timeouts.writability(isWritable: true, now: now)
    }

    /// A batch of input was handled, and its output was written as far as the channel accepted it.
    package mutating func batchEnded(isInHeaderBlock: Bool, isWritable: Bool, now: NIODeadline) {
        guard !isClosing else { return }
        timeouts.headerBlock(isOpen: isInHeaderBlock, now: now)
        timeouts.writability(isWritable: isWritable, now: now)
        rearm()
    }

    /// The bytes that the driver holds for this connection: requests that handlers have yet to read, unsent responses.
    package mutating func measured(unread: Int, unsent: Int) {
        // A negative count would hide the bytes of other calls from the limits.
        assert(unread >= 0 && unsent >= 0, "the driver counts bytes, not less than none")
        unreadBytes = unread
        unsentBytes = unsent
        let held = heldBytes
        guard abs(held - reportedBytes) >= BufferBudget<Int>.step || held == 0 && reportedBytes > 0 else { return }
        reportedBytes = held
        effects.append(.report(held))
    }

    /// All bytes that the connection holds.
    package var heldBytes: Int { bufferedBytes + unreadBytes + unsentBytes }

    /// The channel is lost: no more input, no more output.
    package mutating func lost() {
        state = .closing
        let error = RPCError(.cancelled, "the connection was lost")
        for id in calls.keys.sorted() { remove(id, error) }
    }

    // MARK: The session

    package mutating func receive(_ event: HTTP2Event, now: NIODeadline) {
        guard !isClosing else { return }
        if isCounted(event), let excess = protection.record(event, now: now) { return expel(excess) }
        switch event {
        case .headers(let id, let fields, let endStream):
            receive(headers: fields, endStream: endStream, id, now: now)
        case .headersTooLarge(let id):
            let limit = configuration.limits.maxHeaderListSize
            let error = RPCError(.resourceExhausted, "the headers are over the limit of \(limit) bytes")
            if calls[id] == nil { open(id, now: now) }
            change(id) { $0.fail(error) }
        case .data(let id, let bytes):
            receive(data: bytes, id, now: now)
        case .endStream(let id):
            change(id) { $0.receiveEnd() }
        case .finishedSending(let id):
            guard let call = calls[id], !call.machine.isRequestComplete else { return }
            // The response is complete before the request is: stop the request (RFC 9113 section 8.1).
            effects.append(.reset(id, .noError))
        case .reset(let id, let code), .closed(let id, let code):
            guard remove(id, RPCError(.cancelled, "the client cancelled: \(code)")), calls.isEmpty else { return }
            timeouts.callsChanged(hasCalls: false, now: now)
            if case .draining = state { closeInOrder() }
        case .settings:
            becomeReady(now: now)
        case .pong(Self.drainPing):
            guard case .draining = state else { return }
            effects.append(.goAway(.noError, debug: ""))
            if calls.isEmpty { closeInOrder() }
        case .goAway, .ping, .pong, .idleFrame, .streamError, .notSent:
            break
        }
    }

    /// A reset of a call that has ended costs no more than its response did.
    private func isCounted(_ event: HTTP2Event) -> Bool {
        guard case .reset(let id, _) = event else { return true }
        return calls[id].map { !$0.machine.isEnded } ?? false
    }

    private mutating func becomeReady(now: NIODeadline) {
        let keepalive = configuration.keepalive.map { Keepalive(machine: KeepaliveMachine($0, now: now)) }
        switch state {
        case .serving(.handshaking): state = .serving(.ready(keepalive))
        case .draining(.handshaking): state = .draining(.ready(keepalive))
        case .opening, .serving(.ready), .draining(.ready), .closing: return
        }
        timeouts.handshakeDone(now: now)
        tickKeepalive(now: now)
    }

    private mutating func receive(headers fields: [HTTP2Header], endStream: Bool, _ id: Int32, now: NIODeadline) {
        if calls[id] == nil {
            guard runningHandlers < configuration.limits.maxConcurrentStreams * Self.lingeringFactor else {
                return effects.append(.reset(id, .refusedStream))
            }
            open(id, now: now)
        }
        change(id) { $0.receive(headers: fields, endStream: endStream) }
    }

    private mutating func open(_ id: Int32, now: NIODeadline) {
        // A second call under one number would replace the first one, whose handler would then run unseen.
        assert(calls[id] == nil && !isClosing, "a call opens once, on an open connection")
        if calls.isEmpty { timeouts.callsChanged(hasCalls: true, now: now) }
        calls[id] = ServerCallState(maxMessageSize: configuration.maxMessageSize, now: now)
    }

    private mutating func receive(data: ByteBuffer, _ id: Int32, now: NIODeadline) {
        effects.append(.creditConnection(data.readableBytes))
        guard let index = calls.index(forKey: id) else { return }
        calls.values[index].progress(bytes: data.readableBytes, now: now)
        let steps = calls.values[index].machine.receive(data: data)
        if calls.values[index].isReadByHandler {
            let messages = steps.compactMap { if case .message(let message) = $0 { message } else { nil } }
            effects.append(.deliver(id, messages, credit: data.readableBytes))
        } else {
            effects.append(.credit(id, data.readableBytes))
        }
        apply(steps, id, index)
        recount(index)
        guard bufferedBytes + unreadBytes > configuration.limits.maxBufferedBytes else { return }
        let error = RPCError(.resourceExhausted, "the connection's requests are over the limit of buffered bytes")
        change(id) { $0.fail(error) }
    }

    // MARK: Ends

    /// Announces GOAWAY. The connection closes after its last call.
    package mutating func drain() {
        switch state {
        case .opening:
            state = .closing
            effects.append(.close("the server is shutting down"))
        case .serving(let client):
            state = .draining(client)
            effects.append(.announceGoAway)
            effects.append(.ping(Self.drainPing))
        case .draining, .closing: break
        }
    }

    private mutating func closeInOrder() {
        state = .closing
        effects.append(.goAway(.noError, debug: ""))
        effects.append(.closeAfterWriting(nil))
    }

    /// Fails all calls and closes the connection.
    package mutating func abort() {
        guard !isClosing else { return }
        let error = RPCError(.unavailable, "the server is shutting down")
        for id in calls.keys.sorted() { change(id) { $0.fail(error) } }
        closeInOrder()
    }

    /// The server's buffers are over the limit, and this connection holds the most.
    package mutating func shed(unread: Int, unsent: Int) {
        guard !isClosing else { return }
        unreadBytes = unread
        unsentBytes = unsent
        guard heldBytes > reportedBytes - BufferBudget<Int>.step else {
            // It holds less by now than it reported.
            reportedBytes = heldBytes
            return effects.append(.report(reportedBytes))
        }
        expel("the server is out of memory for this client's calls")
    }

    /// Closes the connection of a client that exceeds a limit.
    mutating func expel(_ reason: String) {
        state = .closing
        // Drops unsent responses so that the GOAWAY is sent.
        for id in calls.keys.sorted() { effects.append(.reset(id, .enhanceYourCalm)) }
        effects.append(.goAway(.enhanceYourCalm, debug: reason))
        effects.append(.closeAfterWriting(reason))
    }
}
