import DequeModule
import Logging
import NIOCore
import NIOPosix

/// What callers ask of a client's event loop.
enum ClientCommand: Sendable {
    case start(RPCClientCall)
    case startUnary(RPCClientCall, ByteBuffer)
    case message(NIOLoopBoundBox<ClientStream?>, ByteBuffer)
    case finish(NIOLoopBoundBox<ClientStream?>)
    case cancel(NIOLoopBoundBox<ClientStream?>)
    case credit(NIOLoopBoundBox<ClientStream?>, Int)
    case close(Eventually<Void>?)
}

/// A client on its event loop: the calls that wait, the connection, and the machine that says when to make one.
final class ClientCore: LoopMailboxReceiver {
    let address: RPCAddress
    let configuration: RPCClientConfiguration
    let eventLoop: any EventLoop
    let logger: Logger
    private var machine: ConnectivityMachine
    private var generator = SystemRandomNumberGenerator()
    private var queue = Deque<ClientStream>()
    /// The one that takes new calls.
    private var current: ClientConnection?
    /// Those that are not gone; beside the current one, those that end their calls after GOAWAY.
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var closing: [Eventually<Void>] = []
    private var tls: TLSContextSource?

    init(address: RPCAddress, configuration: RPCClientConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.address = address
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        machine = ConnectivityMachine(backoff: configuration.backoff)
    }

    func receive(_ commands: [ClientCommand]) {
        for command in commands { perform(command) }
        for connection in connections.values { connection.flush() }
    }

    private func perform(_ command: ClientCommand) {
        switch command {
        case .start(let call):
            start(call)
        case .startUnary(let call, let request):
            let stream = makeStream(call)
            stream.retain(request, limit: configuration.replayBufferLimit)
            stream.finishSending()
            enqueue(stream)
        case .message(let box, let message):
            guard let stream = box.value else { return }
            stream.retain(message, limit: configuration.replayBufferLimit)
            stream.connection?.send(message, stream)
        case .finish(let box):
            guard let stream = box.value, !stream.isSendingFinished else { return }
            stream.finishSending()
            stream.connection?.finish(stream)
        case .cancel(let box):
            guard let stream = box.value else { return }
            fail(stream, RPCError(.cancelled, "the call was cancelled"))
        case .credit(let box, let count):
            guard let stream = box.value else { return }
            stream.connection?.consume(stream, count)
        case .close(let done):
            if let done { closing.append(done) }
            perform(machine.close())
            current?.drain()
            finishClosing()
        }
    }

    private func start(_ call: RPCClientCall) {
        enqueue(makeStream(call))
    }

    private func makeStream(_ call: RPCClientCall) -> ClientStream {
        let stream = ClientStream(call: call)
        call.stream.value = stream
        if let deadline = call.deadline {
            let bound = NIOLoopBound((core: self, stream: stream), eventLoop: eventLoop)
            stream.deadlineTimer = eventLoop.scheduleTask(deadline: deadline) {
                let (core, stream) = bound.value
                core.fail(stream, RPCError(.deadlineExceeded, "the deadline passed"))
                stream.connection?.flush()
            }
        }
        return stream
    }

    private func enqueue(_ stream: ClientStream) {
        queue.append(stream)
        perform(machine.callQueued())
    }

    /// Ends a call from this side, wherever it is.
    func fail(_ stream: ClientStream, _ error: RPCError) {
        let effects = stream.machine.fail(error)
        if let connection = stream.connection {
            connection.perform(effects, stream)
        } else {
            queue.removeAll { $0 === stream }
            finish(stream, error, trailers: error.metadata)
        }
    }

    /// The end of every call.
    func finish(_ stream: ClientStream, _ error: RPCError?, trailers: RPCMetadata) {
        stream.deadlineTimer?.cancel()
        stream.call.stream.value = nil
        stream.connection = nil
        stream.call.end(error, trailers: trailers)
    }

    private func perform(_ effects: [ConnectivityMachine.Effect]) {
        for effect in effects {
            switch effect {
            case .connect: connect()
            case .startQueued: startQueued()
            case .failQueued(let error):
                failQueued(error) { !$0.call.options.waitForReady }
            case .failAll(let error):
                failQueued(error) { _ in true }
            case .wake(let delay):
                let bound = NIOLoopBound(self, eventLoop: eventLoop)
                eventLoop.scheduleTask(in: TimeAmount(delay)) {
                    let core = bound.value
                    core.perform(core.machine.woke(hasQueued: !core.queue.isEmpty))
                }
            }
        }
    }

    private func failQueued(_ error: RPCError, where fails: (ClientStream) -> Bool) {
        let failed = queue.filter(fails)
        queue.removeAll(where: fails)
        for stream in failed { finish(stream, error, trailers: [:]) }
    }

    /// Hands waiting calls over, as many as the peer lets us have open.
    func startQueued() {
        while let current, current.hasRoom, let stream = queue.popFirst() {
            current.open(stream)
        }
    }

    // MARK: What connections tell

    func connected(_ connection: ClientConnection) {
        guard current === connection else { return }
        perform(machine.connected())
    }

    /// The connection takes no new calls.
    func retired(_ connection: ClientConnection) {
        guard current === connection else { return }
        current = nil
        perform(machine.lost(hasQueued: !queue.isEmpty))
    }

    /// The peer has certainly not processed the call: try again, if that can be.
    func refused(_ stream: ClientStream, _ error: RPCError) {
        guard stream.isReplayable, !stream.machine.hasResponse, stream.attempts < configuration.maxAttempts,
            machine.state != .closed
        else {
            let effects = stream.machine.fail(error, reset: nil)
            stream.connection?.perform(effects, stream)
            return
        }
        stream.rewind()
        queue.append(stream)
        perform(machine.callQueued())
    }

    func ended(_ connection: ClientConnection, _ error: RPCError) {
        connections[ObjectIdentifier(connection)] = nil
        if current === connection {
            current = nil
            if connection.wasReady {
                perform(machine.lost(hasQueued: !queue.isEmpty))
            } else {
                connectFailed(error)
            }
        }
        finishClosing()
    }

    private func connectFailed(_ error: RPCError) {
        logger.debug("no connection", metadata: ["address": "\(address)", "error": "\(error.message)"])
        perform(machine.connectFailed(error, using: &generator))
    }

    private func finishClosing() {
        guard machine.state == .closed, connections.isEmpty else { return }
        for done in closing { done.set(.success(())) }
        closing = []
    }

    // MARK: Connecting

    private func connect() {
        let connection = ClientConnection(core: self)
        current = connection
        do {
            let session = try connection.makeSession()
            let tlsHandler = try makeTLSHandler()
            connections[ObjectIdentifier(connection)] = connection
            connection.startTimer(configuration.connectTimeout)
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
                case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
                case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
                }
            channel.whenFailure { error in
                bound.value.0.ended(error)
            }
        } catch {
            current = nil
            connections[ObjectIdentifier(connection)] = nil
            // Not from within the machine's own call.
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            let failure = RPCError(
                .unavailable,
                "cannot connect to \(address): \(error)",
                tls: error as? RPCTLSError
            )
            eventLoop.execute { bound.value.connectFailed(failure) }
        }
    }

    /// A unix socket has none: who may open it is said by its file's mode.
    private func makeTLSHandler() throws -> TLSHandler? {
        guard let tlsConfiguration = configuration.tls, case .tcp(let host, _) = address else { return nil }
        let source = try tls ?? TLSContextSource(client: tlsConfiguration, logger: logger)
        tls = source
        return try source.makeHandler(host: host)
    }
}
