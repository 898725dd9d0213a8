import NIOCore

/// The owner of one HTTP/2 connection, on its event loop.
protocol HTTP2Connection: AnyObject {
    /// The channel is being set up. It can only be closed.
    func attached(_ handler: HTTP2ChannelHandler)
    /// The channel is active, and TLS on it is established.
    func activated()
    func handle(_ event: HTTP2Event)
    /// Bytes came; their events follow.
    func bytesReceived()
    /// The channel became writable again.
    func wrote()
    /// A batch of input was handled, and its output was written as far as the channel accepted it.
    func batchEnded(isWritable: Bool)
    /// TLS is established. Comes before `activated`.
    func peerAuthenticated(_ certificate: RPCPeerCertificate?)
    /// No more input comes, and only the session's pending output is sent. nil for an orderly end.
    func closing(_ error: (any Error)?)
    /// The channel has closed. The last call, after `closing`.
    func ended()
}

/// Moves bytes between a channel and a session: decides when to read, write, flush and close.
final class HTTP2ChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bytes written between two checks of the channel's writability: one or two socket buffers.
    static let writeChunk = 128 << 10

    /// The time for the last bytes, GOAWAY among them, before the channel closes without them: more than a slow link needs for
    /// a socket buffer, and short enough for a peer that never reads.
    static let closeTimeout = TimeAmount.seconds(5)

    /// The time that a server then waits for the peer to close. A socket that closes with unread input sends a reset, which
    /// discards a GOAWAY that the peer has not read yet. So the server reads on and discards the input.
    static let lingerTimeout = TimeAmount.seconds(1)

    /// The input discarded so, at most: the largest socket buffers of Linux together (tcp_wmem, tcp_rmem: 4 + 6 MiB).
    static let maxLingeringBytes = 10 << 20

    private enum Phase {
        case waiting, open
        /// The session's last bytes are being written.
        case closing
        /// They are written; the rest of the input is discarded.
        case lingering
        case ended
    }

    let session: HTTP2Session
    private let connection: any HTTP2Connection
    private var context: ChannelHandlerContext?
    private var phase = Phase.waiting
    private var isReading = false
    private var isFlushing = false
    private var reportedClosing = false
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
        connection.bytesReceived()
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

    /// Writes the session's output as far as the channel accepts it. Within a batch of reads it waits for the batch's end.
    func flush() {
        guard phase == .open || phase == .closing, !isReading, !isFlushing else { return }
        isFlushing = true
        var isWritten = false
        // An event may cause output, and output causes events.
        repeat {
            isWritten = writeOut()
        } while dispatch()
        isFlushing = false
        if phase == .open, session.wantsClose { closeAfterWriting() }
        if phase == .closing, isWritten { finishWriting() }
    }

    /// Closes after the session's pending output, within a time limit.
    func closeAfterWriting(_ error: (any Error)? = nil) {
        // Before the channel is active there is no peer to send it to.
        guard phase != .waiting else { return close(error) }
        guard let context, phase == .open else { return }
        phase = .closing
        startCloseTimer(Self.closeTimeout, context)
        reportClosing(error)
        flush()
    }

    /// Closes at once.
    func close(_ error: (any Error)? = nil) {
        reportClosing(error)
        context?.close(promise: nil)
    }

    // MARK: Closing

    private func startCloseTimer(_ limit: TimeAmount, _ context: ChannelHandlerContext) {
        closeTimer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        closeTimer = context.eventLoop.scheduleTask(in: limit) { bound.value.close(promise: nil) }
    }

    /// The channel has all output of the session: waits until it is written.
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

    private func reportClosing(_ error: (any Error)?) {
        failure = failure ?? error
        guard !reportedClosing else { return }
        reportedClosing = true
        connection.closing(failure)
    }

    private func end() {
        guard phase != .ended else { return }
        phase = .ended
        closeTimer?.cancel()
        reportClosing(nil)
        connection.ended()
    }

    // MARK: Writing

    /// Writes in batches until the channel is full. A flush may empty the channel at once; its writability then changes
    /// during this call, in which `flush` does nothing, so this checks again itself.
    ///
    /// - Returns: whether the channel accepted all output of the session.
    private func writeOut() -> Bool {
        guard let context else { return false }
        while context.channel.isWritable {
            guard writeBatch(context) else { return true }
        }
        return false
    }

    /// - Returns: whether the session has more output than the channel accepted.
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

    /// - Returns: whether there were events.
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
