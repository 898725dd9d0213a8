import Logging
import NIOCore

/// A command of a handler or the server to a connection's event loop.
enum ServerCommand: Sendable {
    case headers(Int32, RPCMetadata)
    case message(Int32, ByteBuffer)
    case credit(Int32, Int)
    /// A handler is done: its response, if it returned one, and its status.
    case done(Int32, ByteBuffer?, RPCError?, trailers: RPCMetadata)
    case drain
    case abort
    /// The server's buffers are over the limit, and this connection holds the most.
    case shed
}

/// The driver of one connection of a server, on its event loop: feeds the machine and runs its effects.
final class ServerConnection: HTTP2Connection, LoopMailboxReceiver {
    let mailbox: LoopMailbox<ServerCommand>
    private let eventLoop: any EventLoop
    private let shared: ServerShared
    private var machine: ServerConnectionMachine
    private var handler: HTTP2ChannelHandler?
    private var caller: Caller
    private var streams: [Int32: ServerStream] = [:]
    /// Bytes of requests that handlers have not read.
    private let unread = ByteCount()
    private var timer: Scheduled<Void>?
    /// The time at which the current batch of input came.
    private var now = NIODeadline.now()

    init(shared: ServerShared, caller: Caller, eventLoop: any EventLoop) {
        self.shared = shared
        self.caller = caller
        self.eventLoop = eventLoop
        mailbox = LoopMailbox(eventLoop: eventLoop)
        machine = ServerConnectionMachine(methods: shared.methods, configuration: shared.configuration, now: now)
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

    // MARK: Commands of handlers and the server

    func receive(_ commands: [ServerCommand]) {
        for command in commands {
            feed(command)
            perform()
        }
        handler?.flush()
        measure()
    }

    private func feed(_ command: ServerCommand) {
        switch command {
        case .headers(let id, let metadata): machine.sendHeaders(id, metadata)
        case .message(let id, let message): machine.send(id, message)
        case .credit(let id, let count): machine.read(id, count)
        case .done(let id, let response, let error, let trailers):
            machine.handlerDone(id, response, error, trailers: trailers)
        case .drain: machine.drain()
        case .abort: machine.abort()
        case .shed: machine.shed(unread: unread.value, unsent: handler?.session.pendingBytes ?? 0)
        }
    }

    private func measure() {
        machine.measured(unread: unread.value, unsent: handler?.session.pendingBytes ?? 0)
        perform()
    }

    // MARK: HTTP2Connection

    func attached(_ handler: HTTP2ChannelHandler) {
        self.handler = handler
    }

    func activated() {
        machine.activated(now: .now())
        perform()
    }

    func peerAuthenticated(_ certificate: RPCPeerCertificate?) {
        caller = .tls(address: caller.address, certificate: certificate)
    }

    func bytesReceived() {
        now = .now()
        machine.bytesReceived(now: now)
    }

    func handle(_ event: HTTP2Event) {
        machine.receive(event, now: now)
        perform()
    }

    func wrote() {
        machine.wrote(now: .now())
    }

    func batchEnded(isWritable: Bool) {
        guard let session = handler?.session else { return }
        machine.batchEnded(isInHeaderBlock: session.isInHeaderBlock, isWritable: isWritable, now: .now())
        measure()
    }

    func closing(_ error: (any Error)?) {
        timer?.cancel()
        if let error {
            shared.logger.debug("connection closed", metadata: ["peer": "\(caller.address)", "error": "\(error)"])
        }
        machine.lost()
        perform()
    }

    func ended() {
        // A call left behind would keep its handler running without a client.
        assert(streams.isEmpty, "the machine drops all calls of a lost connection")
        timer?.cancel()
        handler = nil
        mailbox.connect(nil)
        shared.remove(mailbox)
    }

    // MARK: Effects

    private func perform() {
        while let effect = machine.nextEffect() { perform(effect) }
    }

    private func perform(_ effect: ServerConnectionMachine.Effect) {
        let session = handler?.session
        switch effect {
        case .respond(let id, let fields): session?.submitResponse(id, fields, gate: streams[id]?.call.gate)
        case .send(let id, let message): session?.send(id, message: message)
        case .finish(let id, let fields):
            session?.finish(id, trailers: fields)
            streams[id]?.deadline?.cancel()
        case .trailersOnly(let id, let fields):
            session?.submitTrailersOnly(id, fields)
            streams[id]?.deadline?.cancel()
        case .reset(let id, let code): session?.reset(id, code)
        case .credit(let id, let count): session?.consume(id, count)
        case .creditConnection(let count): session?.consumeConnection(count)
        case .ping(let payload): session?.ping(payload)
        case .announceGoAway: session?.announceGoAway()
        case .goAway(let code, let reason): goAway(code, reason)
        case .accept(let id, let head, let method): accept(id, head, shared.methods[method])
        case .start(let id, let request): start(id, request)
        case .deliver(let id, let messages, let credit):
            guard let inbox = streams[id]?.call.inbox else { return }
            session?.consume(id, inbox.receive(messages, credit: credit))
        case .endRequests(let id): streams[id]?.call.inbox?.finish(nil)
        case .cancel(let id, let error): streams[id]?.end(error)
        case .forget(let id): streams.removeValue(forKey: id)?.end(RPCError(.cancelled, "the call has ended"))
        case .closeAfterWriting(let reason): handler?.closeAfterWriting(reason.map { HTTP2Error(description: $0) })
        case .close(let reason): handler?.close(HTTP2Error(description: reason))
        case .wake(let time): wake(at: time)
        case .report(let count): shared.report(mailbox, holds: count)
        }
    }

    private func goAway(_ code: HTTP2ErrorCode, _ reason: String) {
        handler?.session.goAway(code, debug: reason)
        guard code != .noError else { return }
        shared.logger.info(
            "connection closed with GOAWAY",
            metadata: ["peer": "\(caller.address)", "reason": "\(reason)"]
        )
    }

    private func wake(at time: NIODeadline) {
        timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(deadline: time) {
            let connection = bound.value
            connection.machine.tick(now: .now())
            connection.perform()
            connection.handler?.flush()
        }
    }

    // MARK: Calls

    private func accept(_ id: Int32, _ head: RequestHead, _ entry: MethodTable.Entry) {
        // The replaced call would lose its deadline and its cancellation.
        assert(streams[id] == nil, "a stream has one call")
        let call = RPCServerCall(
            method: entry.method,
            head: head,
            caller: caller,
            stream: id,
            inbox: entry.handler.collectsRequest
                ? nil : MessageInbox(unread: unread) { [mailbox] in mailbox.send(.credit(id, $0)) },
            gate: entry.handler.returnsResponse ? nil : SendGate(limit: shared.configuration.sendBufferLimit),
            mailbox: mailbox
        )
        var stream = ServerStream(call: call, method: entry)
        if let timeout = head.timeout {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            stream.deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
                let connection = bound.value
                connection.machine.deadlinePassed(id)
                connection.perform()
                connection.handler?.flush()
            }
        }
        streams[id] = stream
    }

    private func start(_ id: Int32, _ request: ByteBuffer?) {
        guard let stream = streams[id] else { return }
        streams[id]?.task = HandlerTask.start(stream.call, stream.method, request, mailbox)
    }
}
