import Logging
import NIOCore
import NIOPosix

/// A command of a caller to a client's event loop.
enum ClientCommand: Sendable {
    case start(RPCClientCall)
    case startUnary(RPCClientCall, ByteBuffer)
    case message(ClientMachine.CallID, ByteBuffer)
    case finish(ClientMachine.CallID)
    case cancel(ClientMachine.CallID)
    case credit(ClientMachine.CallID, Int)
    case close(Eventually<Void>?)
}

/// The driver of a client, on its event loop: feeds the machine and runs its effects.
final class ClientCore: LoopMailboxReceiver {
    let address: RPCAddress
    let configuration: RPCClientConfiguration
    let eventLoop: any EventLoop
    let logger: Logger
    private var machine: ClientMachine
    private var calls: [ClientMachine.CallID: (call: RPCClientCall, deadline: Scheduled<Void>?)] = [:]
    private var connections: [ClientMachine.ConnectionID: ClientConnection] = [:]
    /// Connections with new output in their sessions.
    private var unflushed: [ClientConnection] = []
    private var closing: [Eventually<Void>] = []
    private var tls: TLSContextSource?

    init(address: RPCAddress, configuration: RPCClientConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.address = address
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        machine = ClientMachine(
            peer: address.description,
            configuration: configuration,
            generator: SystemRandomNumberGenerator()
        )
    }

    // MARK: Commands of callers

    func receive(_ commands: [ClientCommand]) {
        for command in commands {
            feed(command)
            perform()
        }
        flush()
    }

    private func feed(_ command: ClientCommand) {
        switch command {
        case .start(let call): start(call, nil)
        case .startUnary(let call, let request): start(call, request)
        case .message(let id, let message): machine.send(id, message)
        case .finish(let id): machine.finishSending(id)
        case .cancel(let id): machine.cancel(id)
        case .credit(let id, let count): machine.read(id, count)
        case .close(let done):
            if let done { closing.append(done) }
            machine.close(now: .now())
        }
    }

    private func start(_ call: RPCClientCall, _ request: ByteBuffer?) {
        let id = call.id
        var timer: Scheduled<Void>?
        if let deadline = call.deadline {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            timer = eventLoop.scheduleTask(deadline: deadline) { bound.value.feed { $0.deadlinePassed(id) } }
        }
        calls[id] = (call, timer)
        machine.start(
            id,
            request: request,
            expectsSingleResponse: call.expectsSingleResponse,
            waitsForReady: call.options.waitForReady,
            now: .now()
        )
    }

    // MARK: Events of connections

    /// Feeds the machine, runs its effects and flushes.
    func feed(_ event: (inout ClientMachine) -> Void) {
        event(&machine)
        perform()
        flush()
    }

    private func flush() {
        while let connection = unflushed.popLast() { connection.flush() }
    }

    // MARK: Effects

    private func perform() {
        while let effect = machine.nextEffect() { perform(effect) }
    }

    private func perform(_ effect: ClientMachine.Effect) {
        switch effect {
        case .connect(let id): connect(id)
        case .closeAfterWriting(let id): connections[id]?.closeAfterWriting()
        case .close(let id, let error): connections[id]?.close(error)
        case .wakeConnection(let id, let time): connections[id]?.wake(at: time)
        case .wake(let delay):
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.scheduleTask(in: TimeAmount(delay)) { bound.value.feed { $0.woke(now: .now()) } }
        case .closed:
            for done in closing { done.set(.success(())) }
            closing = []
        case .open(let call, let id, let stream): open(call, id, stream)
        case .send(let id, let stream, let message): session(id)?.send(stream, message: message)
        case .finish(let id, let stream): session(id)?.finish(stream, trailers: nil)
        case .reset(let id, let stream, let code): session(id)?.reset(stream, code)
        case .credit(let id, let stream, let count): session(id)?.consume(stream, count)
        case .creditConnection(let id, let count): session(id)?.consumeConnection(count)
        case .ping(let id): session(id)?.ping(0)
        case .goAway(let id): session(id)?.goAway(.noError)
        case .initialMetadata(let id, let metadata): calls[id]?.call.receive(initialMetadata: metadata)
        case .deliver(let id, let messages, let connection, let stream, let credit):
            guard let call = calls[id]?.call else { return }
            let credit = call.inbox.receive(messages, credit: credit)
            if credit > 0 { session(connection)?.consume(stream, credit) }
        case .rewind(let id, let buffered): calls[id]?.call.gate.restart(buffered: buffered)
        case .end(let id, let error, let trailers):
            guard let (call, deadline) = calls.removeValue(forKey: id) else { return }
            deadline?.cancel()
            call.end(error, trailers: trailers)
        }
    }

    /// The session of a connection, which is flushed later.
    private func session(_ id: ClientMachine.ConnectionID) -> HTTP2Session? {
        guard let connection = connections[id], let session = connection.session else { return nil }
        if unflushed.last !== connection { unflushed.append(connection) }
        return session
    }

    private func open(_ id: ClientMachine.CallID, _ connection: ClientMachine.ConnectionID, _ stream: Int32) {
        guard let call = calls[id]?.call, let session = session(connection) else { return }
        let fields = RequestHead.fields(
            path: call.method.path,
            scheme: configuration.tls == nil ? "http" : "https",
            authority: address.authority,
            userAgent: configuration.userAgent,
            timeout: call.deadline.map { .nanoseconds(($0 - .now()).nanoseconds) },
            metadata: call.options.metadata
        )
        do throws(HTTP2Error) {
            let opened = try session.submitRequest(fields, gate: call.gate)
            assert(opened == stream, "the machine counts streams as the session does")
        } catch {
            machine.cannotOpen(stream, on: connection, error.description, now: .now())
        }
    }

    // MARK: Connecting

    private func connect(_ id: ClientMachine.ConnectionID) {
        let connection = ClientConnection(id: id, core: self)
        connections[id] = connection
        do {
            let session = try connection.makeSession()
            let tlsHandler = try makeTLSHandler()
            let bound = NIOLoopBound((connection, session, tlsHandler), eventLoop: eventLoop)
            let bootstrap = ClientBootstrap(group: eventLoop)
                .connectTimeout(TimeAmount(configuration.connectTimeout))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let (connection, session, tlsHandler) = bound.value
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(tlsHandler ?? PlaintextProbe())
                        try pipeline.addHandler(HTTP2ChannelHandler(session: session, connection: connection))
                    }
                }
            let channel =
                switch address {
                case .tcp(let host, let port):
                    // A literal address needs no resolver, which would start a thread.
                    if let address = try? SocketAddress(ipAddress: host, port: port) {
                        bootstrap.connect(to: address)
                    } else {
                        bootstrap.connect(host: host, port: port)
                    }
                case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
                }
            channel.whenFailure { error in bound.value.0.abandon(error) }
        } catch {
            connection.abandon(error)
        }
    }

    /// The channel of a connection has closed.
    func ended(_ connection: ClientConnection) {
        connections[connection.id] = nil
        feed { $0.ended(connection.id) }
    }

    /// nil without TLS. A unix socket has none: the mode of its file decides who can connect.
    private func makeTLSHandler() throws -> TLSHandler? {
        guard let tlsConfiguration = configuration.tls, case .tcp(let host, _) = address else { return nil }
        let source = try tls ?? TLSContextSource(client: tlsConfiguration, logger: logger)
        tls = source
        return try source.makeHandler(host: host)
    }
}
