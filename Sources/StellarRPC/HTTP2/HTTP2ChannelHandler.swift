import NIOCore

/// What stands above one HTTP/2 connection, on its event loop.
protocol HTTP2Connection: AnyObject {
    /// The channel is being set up; it can be closed and nothing else.
    func attached(_ handler: HTTP2ChannelHandler)
    /// The channel is there, with TLS if it has that.
    func activated()
    func handle(_ event: HTTP2Event)
    /// Bytes came, before their events.
    func heard()
    /// The channel takes bytes again: it has got rid of some.
    func wrote()
    /// A batch of input was handled and what it caused was written, as far as the channel took it.
    func batchEnded(isWritable: Bool)
    func peerAuthenticated(_ certificate: RPCPeerCertificate?)
    /// Nothing more will be heard, and nothing can be sent but what the session has. nil where the end is in order.
    func closing(_ error: (any Error)?)
    /// The last call, behind `closing`: the channel is gone.
    func ended()
}

/// Carries bytes between a channel and a session: no protocol here, only when to read, write, flush and close.
final class HTTP2ChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is written at a time; then the channel is asked whether it takes more. A socket buffer or two.
    static let writeChunk = 128 << 10

    /// How long the last bytes may take, GOAWAY among them, before the channel is closed without them: more than a slow link
    /// needs for a socket buffer, little enough for a peer that never reads.
    static let closeTimeout = TimeAmount.seconds(5)

    /// How long a server waits for the peer to close after those. A socket that is closed with unread input sends a reset,
    /// which takes the GOAWAY from a peer that has not read it yet: so the input is read on and thrown away.
    static let lingerTimeout = TimeAmount.seconds(1)

    /// How much is thrown away so: what both socket buffers hold at their largest on Linux (tcp_wmem, tcp_rmem: 4 + 6 MiB).
    static let maxLingeringBytes = 10 << 20

    private enum Phase {
        case waiting, open
        /// The session's last bytes are on their way.
        case closing
        /// They are written; the rest of the input is thrown away.
        case lingering
        case ended
    }

    let session: HTTP2Session
    private let connection: any HTTP2Connection
    private var context: ChannelHandlerContext?
    private var phase = Phase.waiting
    private var isReading = false
    private var isFlushing = false
    private var saidClosing = false
    private var failure: (any Error)?
    private var closeTimer: Scheduled<Void>?
    private var lingeringBytes = 0
    private var lastChunk = 0

    init(session: HTTP2Session, connection: any HTTP2Connection) {
        self.session = session
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.attached(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        guard phase == .waiting else { return }
        phase = .open
        connection.activated()
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let established = event as? TLSEstablished {
            connection.peerAuthenticated(established.peerCertificate)
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        let bytes = unwrapInboundIn(data)
        guard phase == .open else {
            lingeringBytes += bytes.readableBytes
            if lingeringBytes > Self.maxLingeringBytes { context.close(promise: nil) }
            return
        }
        connection.heard()
        do throws(HTTP2Error) {
            try session.receive(bytes)
            dispatch()
        } catch {
            dispatch()
            session.goAway(error.code, debug: error.description)
            closeAfterWriting(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        if phase == .open { connection.batchEnded(isWritable: context.channel.isWritable) }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if phase == .open, context.channel.isWritable { connection.wrote() }
        flush()
        if phase == .open { connection.batchEnded(isWritable: context.channel.isWritable) }
        context.fireChannelWritabilityChanged()
    }

    /// Writes what the session has, as far as the channel takes it; within a batch of reads, at its end.
    func flush() {
        guard phase == .open || phase == .closing, !isReading, !isFlushing else { return }
        isFlushing = true
        var isWritten = false
        // Handling an event may bring more to write, and writing brings events.
        repeat {
            isWritten = writeOut()
        } while dispatch()
        isFlushing = false
        if phase == .open, session.wantsClose { closeAfterWriting() }
        if phase == .closing, isWritten { finishWriting() }
    }

    /// Closes behind what the session has to say, within a time limit.
    func closeAfterWriting(_ error: (any Error)? = nil) {
        // Before the channel is active there is nobody to say it to.
        guard phase != .waiting else { return close(error) }
        guard let context, phase == .open else { return }
        phase = .closing
        startCloseTimer(Self.closeTimeout, context)
        sayClosing(error)
        flush()
    }

    /// Closes at once.
    func close(_ error: (any Error)? = nil) {
        sayClosing(error)
        context?.close(promise: nil)
    }

    // MARK: Closing

    private func startCloseTimer(_ limit: TimeAmount, _ context: ChannelHandlerContext) {
        closeTimer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        closeTimer = context.eventLoop.scheduleTask(in: limit) { bound.value.close(promise: nil) }
    }

    /// The session has given all to the channel: waits until that has written it.
    private func finishWriting() {
        guard let context else { return }
        phase = .lingering
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            handler.written(result, context)
        }
    }

    private func written(_ result: Result<Void, any Error>, _ context: ChannelHandlerContext) {
        guard case .success = result, session.role == .server, phase == .lingering else {
            context.close(promise: nil)
            return
        }
        startCloseTimer(Self.lingerTimeout, context)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.close(mode: .output).whenFailure { _ in bound.value.close(promise: nil) }
    }

    private func sayClosing(_ error: (any Error)?) {
        failure = failure ?? error
        guard !saidClosing else { return }
        saidClosing = true
        connection.closing(failure)
    }

    private func end() {
        guard phase != .ended else { return }
        phase = .ended
        closeTimer?.cancel()
        sayClosing(nil)
        connection.ended()
    }

    // MARK: Writing

    /// A flush may empty the channel at once. Its writability then changes while we are in here and `flush` does nothing,
    /// so this asks again itself.
    ///
    /// - Returns: whether the channel has taken all that the session has.
    private func writeOut() -> Bool {
        guard let context else { return false }
        while context.channel.isWritable {
            guard writeBatch(context) else { return true }
        }
        return false
    }

    /// - Returns: whether there is more than the channel took.
    private func writeBatch(_ context: ChannelHandlerContext) -> Bool {
        var wrote = false
        var more = true
        while more, context.channel.isWritable {
            var buffer = context.channel.allocator.buffer(capacity: min(Self.writeChunk, max(512, lastChunk * 2)))
            do throws(HTTP2Error) {
                more = try session.produceOutput(into: &buffer, limit: Self.writeChunk)
            } catch {
                close(error)
                return false
            }
            lastChunk = buffer.readableBytes
            if buffer.readableBytes > 0 {
                context.write(wrapOutboundOut(buffer), promise: nil)
                wrote = true
            }
        }
        if wrote { context.flush() }
        return more
    }

    /// - Returns: whether there was anything.
    @discardableResult
    private func dispatch() -> Bool {
        var any = false
        while true {
            let events = session.takeEvents()
            if events.isEmpty { return any }
            any = true
            for event in events { connection.handle(event) }
        }
    }
}
