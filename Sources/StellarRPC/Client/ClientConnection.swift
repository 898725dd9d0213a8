import Glibc
import NIOCore
import NIOPosix

/// One connection of a client, on its event loop: maps streams to calls.
final class ClientConnection: HTTP2Connection {
    private let core: ClientCore
    private var handler: HTTP2ChannelHandler?
    private var streams: [Int32: ClientStream] = [:]
    /// Streams that count against the peer's limit: also those whose call is over and whose RST_STREAM is on its way.
    private var openStreams = 0
    private var timer: Scheduled<Void>?
    private var keepalive: KeepaliveMachine?
    private var isDraining = false
    private var hasEnded = false
    private var failure: RPCError?
    /// The peer's SETTINGS have come.
    private(set) var wasReady = false

    init(core: ClientCore) {
        self.core = core
    }

    func makeSession() throws(HTTP2Error) -> HTTP2Session {
        var settings = HTTP2Session.Settings()
        settings.streamWindow = core.configuration.streamWindow
        // Credit of the connection returns as bytes come, so it need only cover what is under way.
        settings.connectionWindow = core.configuration.streamWindow * 4
        return try HTTP2Session(role: .client, settings: settings)
    }

    /// Gives the connection that long to become ready.
    func startTimer(_ timeout: Duration) {
        let bound = NIOLoopBound(self, eventLoop: core.eventLoop)
        timer = core.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            let error = RPCError(.unavailable, "\(bound.value.core.address) did not answer within \(timeout)")
            bound.value.close(error)
        }
    }

    // MARK: Calls

    var hasRoom: Bool {
        guard wasReady, !isDraining, !hasEnded, let session = handler?.session else { return false }
        return openStreams < session.peerMaxConcurrentStreams
    }

    func open(_ stream: ClientStream) {
        guard let session = handler?.session else { return core.refused(stream, lostError) }
        let call = stream.call
        stream.attempts += 1
        stream.connection = self
        let fields = RequestHead.fields(
            path: call.method.path,
            scheme: core.configuration.tls == nil ? "http" : "https",
            authority: core.address.authority,
            userAgent: core.configuration.userAgent,
            timeout: call.deadline.map { .nanoseconds(($0 - .now()).nanoseconds) },
            metadata: call.options.metadata
        )
        do {
            stream.id = try session.submitRequest(fields, gate: call.gate)
        } catch {
            // Identifiers are used up (2^30 calls) or the session is ending: another connection serves it.
            drain()
            core.refused(stream, RPCError(.unavailable, "\(error)"))
            return
        }
        streams[stream.id] = stream
        openStreams += 1
        for message in stream.retained { session.send(stream.id, message: message) }
        if stream.isSendingFinished { session.finish(stream.id, trailers: nil) }
        stream.retain(limit: core.configuration.replayBufferLimit)
    }

    func send(_ message: ByteBuffer, _ stream: ClientStream) {
        handler?.session.send(stream.id, message: message)
    }

    func finish(_ stream: ClientStream) {
        handler?.session.finish(stream.id, trailers: nil)
    }

    func consume(_ stream: ClientStream, _ count: Int) {
        handler?.session.consume(stream.id, count)
    }

    func flush() {
        handler?.flush()
    }

    /// Takes no new calls and closes behind the last one.
    func drain() {
        guard !isDraining else { return }
        isDraining = true
        core.retired(self)
        closeIfDrained()
    }

    private func closeIfDrained() {
        guard isDraining, streams.isEmpty, !hasEnded else { return }
        guard let handler else {
            // Still connecting.
            return ended(RPCError(.unavailable, "the client was closed"))
        }
        handler.session.terminate(.noError)
        let bound = NIOLoopBound(handler, eventLoop: core.eventLoop)
        core.eventLoop.execute { bound.value.flush() }
    }

    private func close(_ error: RPCError) {
        failure = failure ?? error
        if let handler { handler.close(error) } else { ended(error) }
    }

    // MARK: HTTP2Connection

    func activated(_ handler: HTTP2ChannelHandler) {
        self.handler = handler
        if hasEnded { handler.close() }
    }

    func peerAuthenticated(_ certificate: RPCPeerCertificate?) {}

    func batchEnded(isWritable: Bool) {}

    func heard() {
        keepalive?.heard(now: .now())
    }

    func handle(_ event: HTTP2Event) {
        switch event {
        case .headers(let id, let fields, let endStream):
            guard let stream = streams[id] else { return }
            perform(stream.machine.receive(headers: fields, endStream: endStream), stream)
        case .headersTooLarge(let id):
            guard let stream = streams[id] else { return }
            perform(stream.machine.fail(RPCError(.internalError, "the server's headers are too large")), stream)
        case .data(let id, let bytes):
            receive(bytes, id)
        case .endStream(let id):
            guard let stream = streams[id] else { return }
            perform(stream.machine.receiveEnd(), stream)
        case .finishedSending(let id):
            streams[id]?.hasFinishedSending = true
        case .reset(let id, let code):
            guard let stream = streams[id] else { return }
            if code == .refusedStream {
                streams[id] = nil
                core.refused(stream, RPCError(.unavailable, "the server refused the stream"))
            } else {
                perform(stream.machine.receive(reset: code), stream)
            }
        case .closed(let id, let code):
            openStreams = max(0, openStreams - 1)
            if let stream = streams[id] {
                perform(stream.machine.receive(reset: code), stream)
            }
            core.startQueued()
            closeIfDrained()
        case .settings:
            becomeReady()
            core.startQueued()
        case .goAway(let last, let code, let debug):
            receiveGoAway(last, code, debug)
        case .ping, .pong, .idleFrame, .streamError:
            break
        }
    }

    private func becomeReady() {
        guard !wasReady else { return }
        wasReady = true
        timer?.cancel()
        if let configuration = core.configuration.keepalive {
            keepalive = KeepaliveMachine(configuration, now: .now())
            tick()
        }
        core.connected(self)
    }

    private func receive(_ bytes: ByteBuffer, _ id: Int32) {
        handler?.session.consumeConnection(bytes.readableBytes)
        guard let stream = streams[id] else { return }
        var messages: [ByteBuffer] = []
        var others: [ClientStreamMachine.Effect] = []
        for effect in stream.machine.receive(data: bytes) {
            if case .message(let message) = effect { messages.append(message) } else { others.append(effect) }
        }
        let credit = stream.call.inbox.receive(messages, credit: bytes.readableBytes)
        if credit > 0 { handler?.session.consume(id, credit) }
        perform(others, stream)
    }

    func perform(_ effects: [ClientStreamMachine.Effect], _ stream: ClientStream) {
        for effect in effects {
            switch effect {
            case .initialMetadata(let metadata):
                stream.commit()
                stream.call.receive(initialMetadata: metadata)
            case .message(let message):
                _ = stream.call.inbox.receive([message], credit: 0)
            case .end(let error, let trailers, let reset):
                streams[stream.id] = nil
                if let reset {
                    handler?.session.reset(stream.id, reset)
                } else if !stream.hasFinishedSending {
                    // The server wants no more of the request (RFC 9113 section 8.1).
                    handler?.session.reset(stream.id, .noError)
                }
                core.finish(stream, error, trailers: trailers)
                closeIfDrained()
            }
        }
    }

    private func receiveGoAway(_ last: Int32, _ code: HTTP2ErrorCode, _ debug: String) {
        let reason = debug.isEmpty ? "\(code)" : "\(code), \(debug)"
        if code != .noError { failure = RPCError(.unavailable, "the server closed the connection: \(reason)") }
        isDraining = true
        core.retired(self)
        let unprocessed = streams.values.filter { $0.id > last }.sorted { $0.id < $1.id }
        for stream in unprocessed {
            streams[stream.id] = nil
            core.refused(stream, RPCError(.unavailable, "the server is going away: \(reason)"))
        }
        closeIfDrained()
    }

    private func tick() {
        guard var machine = keepalive, !hasEnded else { return }
        let effects = machine.tick(hasCalls: !streams.isEmpty, now: .now())
        keepalive = machine
        for effect in effects {
            switch effect {
            case .sendPing:
                handler?.session.ping(0)
                handler?.flush()
            case .giveUp:
                close(RPCError(.unavailable, "\(core.address) did not answer a ping"))
            case .wake(let time):
                let bound = NIOLoopBound(self, eventLoop: core.eventLoop)
                timer = core.eventLoop.scheduleTask(deadline: time) { bound.value.tick() }
            }
        }
    }

    private var lostError: RPCError {
        failure ?? RPCError(.unavailable, "the connection to \(core.address) was lost")
    }

    func ended(_ error: (any Error)?) {
        guard !hasEnded else { return }
        hasEnded = true
        isDraining = true
        timer?.cancel()
        handler = nil
        if failure == nil, let error {
            let verb = wasReady ? "lost the connection to" : "cannot connect to"
            failure =
                (error as? RPCError)
                ?? RPCError(
                    .unavailable,
                    "\(verb) \(core.address): \(Self.text(error))",
                    tls: error as? RPCTLSError
                )
        }
        let lost = lostError
        for stream in streams.values.sorted(by: { $0.id < $1.id }) {
            streams[stream.id] = nil
            perform(stream.machine.fail(lost, reset: nil), stream)
        }
        core.ended(self, lost)
    }

    /// NIO's connection errors carry one error per address tried; the first says it.
    private static func text(_ error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            if let first = error.connectionErrors.first { return text(first.error) }
            return "the name cannot be resolved"
        }
        // NIO's own text names its internal call; people know the system's ("Connection refused").
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}
