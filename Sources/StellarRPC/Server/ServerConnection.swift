import Logging
import NIOCore

/// What handlers and the server ask of a connection's event loop.
enum ServerCommand: Sendable {
    case headers(Int32, RPCMetadata)
    case message(Int32, ByteBuffer)
    case credit(Int32, Int)
    /// A handler is done: its response, if it returned one, and its status.
    case done(Int32, ByteBuffer?, RPCError?, trailers: RPCMetadata)
    case drain
    case abort
}

/// One connection of a server, on its event loop: maps streams to handlers.
final class ServerConnection: HTTP2Connection, LoopMailboxReceiver {
    let mailbox: LoopMailbox<ServerCommand>
    private let eventLoop: any EventLoop
    private let shared: ServerShared
    private var handler: HTTP2ChannelHandler?
    private var peer: RPCPeer
    private var streams: [Int32: ServerStream] = [:]
    /// Handlers whose tasks have not returned, also those of calls that are over.
    private var runningHandlers = 0
    private var bufferedBytes = 0
    private var protection: ConnectionGuard
    private var timeouts: ServerTimeouts
    private var keepalive: KeepaliveMachine?
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture
    private var isDraining = false
    private var isReady = false
    private var hasEnded = false

    /// Marks the PING whose answer says that the client has seen GOAWAY.
    private static let drainPing: UInt64 = 0x6472_6169_6E00_0001

    /// Handlers that may still run for calls that are over, before new streams are refused: as many again as may be open.
    private static let lingeringFactor = 2

    init(shared: ServerShared, peer: RPCPeer, eventLoop: any EventLoop) {
        self.shared = shared
        self.peer = peer
        self.eventLoop = eventLoop
        mailbox = LoopMailbox(eventLoop: eventLoop)
        protection = ConnectionGuard(limits: shared.configuration.limits)
        timeouts = ServerTimeouts(limits: shared.configuration.limits, now: .now())
        mailbox.connect(self)
    }

    func makeSession() throws(HTTP2Error) -> HTTP2Session {
        let configuration = shared.configuration
        var settings = HTTP2Session.Settings()
        settings.streamWindow = configuration.streamWindow
        settings.connectionWindow = configuration.streamWindow * 4
        settings.maxConcurrentStreams = configuration.limits.maxConcurrentStreams
        settings.maxHeaderListSize = configuration.limits.maxHeaderListSize
        settings.maxContinuations = configuration.limits.maxContinuations
        return try HTTP2Session(role: .server, settings: settings)
    }

    // MARK: What handlers say

    func receive(_ commands: [ServerCommand]) {
        for command in commands { perform(command) }
        handler?.flush()
    }

    private func perform(_ command: ServerCommand) {
        switch command {
        case .headers(let id, let metadata):
            guard let stream = streams[id] else { return }
            perform(stream.machine.sendHeaders(metadata), stream, id)
        case .message(let id, let message):
            guard let stream = streams[id] else { return }
            perform(stream.machine.send(message), stream, id)
        case .credit(let id, let count):
            handler?.session.consume(id, count)
        case .done(let id, let response, let error, let trailers):
            runningHandlers -= 1
            guard let stream = streams[id] else { return }
            if let response { perform(stream.machine.send(response), stream, id) }
            perform(stream.machine.finish(error, trailers: trailers), stream, id)
        case .drain:
            drain()
        case .abort:
            abort()
        }
    }

    /// Ends the call whose handler is done, or is not waited for.
    private func settle(_ stream: ServerStream, _ id: Int32) {
        stream.deadlineTimer?.cancel()
        stream.deadlineTimer = nil
    }

    private func perform(_ effects: [ServerStreamMachine.Effect], _ stream: ServerStream, _ id: Int32) {
        guard let session = handler?.session else { return }
        for effect in effects {
            switch effect {
            case .accept(let head):
                accept(head, stream, id)
            case .message(let message):
                take(message, stream, id)
            case .requestEnd:
                requestEnded(stream, id)
            case .sendHeaders(let fields):
                session.submitResponse(id, fields, gate: stream.call?.gate)
            case .sendMessage(let message):
                session.send(id, message: message)
            case .sendTrailersOnly(let fields):
                session.submitTrailersOnly(id, fields)
                settle(stream, id)
            case .sendTrailers(let fields):
                session.finish(id, trailers: fields)
                settle(stream, id)
            case .cancel(let error):
                settle(stream, id)
                stream.call?.end(error)
                stream.task?.cancel()
            }
        }
    }

    // MARK: Requests

    private func accept(_ head: RequestHead, _ stream: ServerStream, _ id: Int32) {
        do throws(RPCError) {
            let (method, handler) = try shared.methods.find(head.path)
            stream.handler = handler
            var inbox: MessageInbox?
            var gate: SendGate?
            switch handler.body {
            case .unary: break
            case .serverStreaming: gate = SendGate(limit: shared.configuration.sendBufferLimit)
            case .streaming:
                gate = SendGate(limit: shared.configuration.sendBufferLimit)
                inbox = MessageInbox { [mailbox] in mailbox.send(.credit(id, $0)) }
            }
            let call = RPCServerCall(
                method: method,
                head: head,
                peer: peer,
                stream: id,
                inbox: inbox,
                gate: gate,
                mailbox: mailbox
            )
            stream.call = call
            if let timeout = head.timeout { setDeadline(timeout, stream, id) }
            if case .streaming(let body) = handler.body {
                start(stream) {
                    try await body(call)
                    return nil
                }
            }
        } catch {
            perform(stream.machine.fail(error), stream, id)
        }
    }

    private func setDeadline(_ timeout: Duration, _ stream: ServerStream, _ id: Int32) {
        let bound = NIOLoopBound((self, stream), eventLoop: eventLoop)
        stream.deadlineTimer = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            let (connection, stream) = bound.value
            connection.perform(
                stream.machine.fail(RPCError(.deadlineExceeded, "the deadline passed")),
                stream,
                id
            )
            connection.handler?.flush()
        }
    }

    private func take(_ message: ByteBuffer, _ stream: ServerStream, _ id: Int32) {
        guard stream.collectsRequest else {
            // With the credit of its bytes, in `receive(_:_:)`.
            return
        }
        guard stream.request == nil else {
            let error = RPCError(.internalError, "the method takes one request, and a second one came")
            return perform(stream.machine.fail(error), stream, id)
        }
        stream.request = message
    }

    private func requestEnded(_ stream: ServerStream, _ id: Int32) {
        guard let call = stream.call, let handler = stream.handler else { return }
        guard stream.collectsRequest else {
            call.inbox?.finish(nil)
            return
        }
        guard let request = stream.request else {
            let error = RPCError(.internalError, "the method takes one request, and none came")
            return perform(stream.machine.fail(error), stream, id)
        }
        stream.request = nil
        switch handler.body {
        case .unary(let body):
            start(stream) { try await body(request, call) }
        case .serverStreaming(let body):
            start(stream) {
                try await body(request, call)
                return nil
            }
        case .streaming: break
        }
    }

    /// Runs a handler, in a task that the stream owns and cancels.
    private func start(_ stream: ServerStream, _ body: @escaping @Sendable () async throws -> ByteBuffer?) {
        guard let call = stream.call else { return }
        runningHandlers += 1
        stream.task = HandlerTask.start(call, mailbox, body)
    }

    // MARK: HTTP2Connection

    func activated(_ handler: HTTP2ChannelHandler) {
        self.handler = handler
        if hasEnded { handler.close() }
        rearm()
    }

    func peerAuthenticated(_ certificate: RPCPeerCertificate?) {
        peer.certificate = certificate
    }

    func heard() {
        keepalive?.heard(now: .now())
    }

    func batchEnded(isWritable: Bool) {
        guard let session = handler?.session else { return }
        let now = NIODeadline.now()
        timeouts.headerBlock(isOpen: session.isInHeaderBlock, now: now)
        timeouts.writability(isWritable: isWritable, now: now)
        rearm()
    }

    func handle(_ event: HTTP2Event) {
        if isCounted(event), let excess = protection.record(event, now: .now()) {
            shared.logger.info(
                "a client was told to calm down",
                metadata: ["peer": "\(peer.address)", "reason": "\(excess)"]
            )
            return calmDown(excess)
        }
        switch event {
        case .headers(let id, let fields, let endStream):
            receive(fields, endStream, id)
        case .headersTooLarge(let id):
            let stream = streams[id] ?? open(id)
            let limit = shared.configuration.limits.maxHeaderListSize
            let error = RPCError(.resourceExhausted, "the headers are over the limit of \(limit) bytes")
            perform(stream.machine.fail(error), stream, id)
        case .data(let id, let bytes):
            receive(bytes, id)
        case .endStream(let id):
            guard let stream = streams[id] else { return }
            stream.call?.inbox?.complete()
            perform(stream.machine.receiveEnd(), stream, id)
        case .finishedSending(let id):
            guard let stream = streams[id] else { return }
            stream.hasFinishedSending = true
            if !stream.machine.isRequestComplete {
                // We answered early and want no more of the request (RFC 9113 section 8.1).
                handler?.session.reset(id, .noError)
            }
        case .reset(let id, let code), .closed(let id, let code):
            guard let stream = streams.removeValue(forKey: id) else { return }
            bufferedBytes -= stream.countedBytes
            perform(stream.machine.receive(end: RPCError(.cancelled, "the client cancelled: \(code)")), stream, id)
            stream.call?.end(RPCError(.cancelled, "the call has ended"))
            if streams.isEmpty {
                timeouts.callsChanged(hasCalls: false, now: .now())
                if isDraining { finishDraining() }
            }
        case .settings:
            becomeReady()
        case .pong(Self.drainPing):
            handler?.session.goAway(.noError)
            if streams.isEmpty { finishDraining() }
        case .goAway, .ping, .pong, .idleFrame, .streamError:
            break
        }
    }

    /// A reset of a call that was answered costs nothing that its answer had not.
    private func isCounted(_ event: HTTP2Event) -> Bool {
        guard case .reset(let id, _) = event else { return true }
        return streams[id].map { !$0.machine.isEnded } ?? false
    }

    private func becomeReady() {
        guard !isReady else { return }
        isReady = true
        timeouts.handshakeDone(now: .now())
        if let configuration = shared.configuration.keepalive {
            keepalive = KeepaliveMachine(configuration, now: .now())
        }
    }

    private func open(_ id: Int32) -> ServerStream {
        let stream = ServerStream(maxMessageSize: shared.configuration.maxMessageSize, now: .now())
        if streams.isEmpty { timeouts.callsChanged(hasCalls: true, now: stream.lastProgress) }
        streams[id] = stream
        return stream
    }

    private func receive(_ fields: [HTTP2Header], _ endStream: Bool, _ id: Int32) {
        if let stream = streams[id] {
            return perform(stream.machine.receive(headers: fields, endStream: endStream), stream, id)
        }
        guard runningHandlers < shared.configuration.limits.maxConcurrentStreams * Self.lingeringFactor else {
            handler?.session.reset(id, .refusedStream)
            return
        }
        let stream = open(id)
        perform(stream.machine.receive(headers: fields, endStream: endStream), stream, id)
    }

    private func receive(_ bytes: ByteBuffer, _ id: Int32) {
        let count = bytes.readableBytes
        handler?.session.consumeConnection(count)
        guard let stream = streams[id] else { return }
        stream.lastProgress = .now()
        let effects = stream.machine.receive(data: bytes)
        if let inbox = stream.call?.inbox {
            var messages: [ByteBuffer] = []
            for effect in effects {
                if case .message(let message) = effect { messages.append(message) }
            }
            let credit = inbox.receive(messages, credit: count)
            if credit > 0 { handler?.session.consume(id, credit) }
        } else {
            handler?.session.consume(id, count)
        }
        perform(effects, stream, id)
        recount(stream)
        guard bufferedBytes > shared.configuration.limits.maxBufferedBytes else { return }
        // Handlers may have read since their streams were counted.
        for stream in streams.values { recount(stream) }
        guard bufferedBytes > shared.configuration.limits.maxBufferedBytes else { return }
        let error = RPCError(.resourceExhausted, "the connection's requests are over the limit of buffered bytes")
        perform(stream.machine.fail(error), stream, id)
    }

    private func recount(_ stream: ServerStream) {
        let bytes = stream.bufferedBytes
        bufferedBytes += bytes - stream.countedBytes
        stream.countedBytes = bytes
    }

    // MARK: Ends

    private func calmDown(_ reason: String) {
        handler?.session.goAway(.enhanceYourCalm, debug: reason)
        handler?.flush()
        handler?.close(HTTP2Error(description: reason))
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        guard let session = handler?.session else { return end() }
        session.announceGoAway()
        session.ping(Self.drainPing)
    }

    private func finishDraining() {
        handler?.session.terminate(.noError)
    }

    private func abort() {
        let error = RPCError(.unavailable, "the server is shutting down")
        for (id, stream) in streams.sorted(by: { $0.key < $1.key }) {
            perform(stream.machine.fail(error), stream, id)
        }
        guard let handler else { return end() }
        handler.session.goAway(.noError)
        handler.flush()
        handler.close()
    }

    private func end() {
        ended(nil)
    }

    func ended(_ error: (any Error)?) {
        guard !hasEnded else { return }
        hasEnded = true
        timer?.cancel()
        let lost = RPCError(.cancelled, "the connection was lost")
        for (id, stream) in streams.sorted(by: { $0.key < $1.key }) {
            perform(stream.machine.receive(end: lost), stream, id)
            stream.call?.end(lost)
        }
        streams = [:]
        handler = nil
        mailbox.connect(nil)
        if let error {
            shared.logger.debug("connection ended", metadata: ["peer": "\(peer.address)", "error": "\(error)"])
        }
        shared.remove(mailbox)
    }

    // MARK: Timers

    /// When a unary request that is on its way has to have gone on.
    private var requestDue: NIODeadline? {
        guard bufferedBytes > 0 || streams.count > runningHandlers else { return nil }
        let waiting = streams.values.filter { $0.collectsRequest && $0.task == nil && !$0.machine.isEnded }
        return waiting.map(\.lastProgress).min().map { $0 + TimeAmount(shared.configuration.limits.requestTimeout) }
    }

    private func rearm() {
        guard !hasEnded, let due = [timeouts.next, requestDue].compactMap({ $0 }).min(), due < timerDue else { return }
        schedule(due)
    }

    private func schedule(_ due: NIODeadline) {
        timer?.cancel()
        timerDue = due
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(deadline: due) { bound.value.tick() }
    }

    private func tick() {
        timerDue = .distantFuture
        guard !hasEnded else { return }
        let now = NIODeadline.now()
        switch timeouts.check(now: now) {
        case .close(let reason):
            handler?.close(HTTP2Error(description: reason))
            return
        case .drain:
            drain()
        case nil: break
        }
        failSlowRequests(now)
        let wake = tickKeepalive(now)
        handler?.flush()
        let next = [timeouts.next, requestDue, wake].compactMap { $0 }.min()
        if let next, !hasEnded { schedule(next) }
    }

    private func failSlowRequests(_ now: NIODeadline) {
        guard let due = requestDue, now >= due else { return }
        let oldest = now - TimeAmount(shared.configuration.limits.requestTimeout)
        for (id, stream) in streams.sorted(by: { $0.key < $1.key })
        where stream.collectsRequest && stream.task == nil && stream.lastProgress <= oldest {
            perform(stream.machine.fail(RPCError(.deadlineExceeded, "the request took too long to come")), stream, id)
        }
    }

    private func tickKeepalive(_ now: NIODeadline) -> NIODeadline? {
        guard var machine = keepalive else { return nil }
        let effects = machine.tick(hasCalls: !streams.isEmpty, now: now)
        keepalive = machine
        var wake: NIODeadline?
        for effect in effects {
            switch effect {
            case .sendPing: handler?.session.ping(0)
            case .giveUp: handler?.close(HTTP2Error(description: "the client did not answer a ping"))
            case .wake(let time): wake = time
            }
        }
        return wake
    }
}
