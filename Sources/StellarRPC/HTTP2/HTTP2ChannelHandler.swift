import NIOCore

/// What stands above one HTTP/2 connection, on its event loop.
protocol HTTP2Connection: AnyObject {
    func activated(_ handler: HTTP2ChannelHandler)
    func handle(_ event: HTTP2Event)
    /// Bytes came, before their events.
    func heard()
    /// A batch of input was handled and what it caused was written, as far as the channel took it.
    func batchEnded(isWritable: Bool)
    func peerAuthenticated(_ certificate: RPCPeerCertificate?)
    /// The last call: nothing will come and nothing can be sent. nil where the end was in order.
    func ended(_ error: (any Error)?)
}

/// Carries bytes between a channel and a session: no protocol here, only when to read, write, flush and close.
final class HTTP2ChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is written at a time; then the channel is asked whether it takes more. A socket buffer or two.
    static let writeChunk = 128 << 10

    let session: HTTP2Session
    private let connection: any HTTP2Connection
    private var context: ChannelHandlerContext?
    private var isActive = false
    private var isReading = false
    private var isFlushing = false
    private var isClosing = false
    private var hasEnded = false
    private var failure: (any Error)?
    private var lastChunk = 0

    init(session: HTTP2Session, connection: any HTTP2Connection) {
        self.session = session
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(nil)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !isActive else { return }
        isActive = true
        connection.activated(self)
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(failure)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = failure ?? error
        context.close(promise: nil)
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
        guard !hasEnded, !isClosing else { return }
        isReading = true
        connection.heard()
        do throws(HTTP2Error) {
            try session.receive(unwrapInboundIn(data))
        } catch {
            failure = failure ?? error
            // What led here may have queued a GOAWAY that says so.
            dispatch()
            writeOut()
            context.close(promise: nil)
            return
        }
        dispatch()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        connection.batchEnded(isWritable: context.channel.isWritable)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        flush()
        connection.batchEnded(isWritable: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    /// Writes what the session has, as far as the channel takes it; within a batch of reads, at its end.
    func flush() {
        guard isActive, !isReading, !isFlushing, !hasEnded else { return }
        isFlushing = true
        // Handling an event may bring more to write, and writing brings events.
        repeat {
            writeOut()
        } while dispatch()
        isFlushing = false
        if session.wantsClose { closeAfterWriting() }
    }

    /// Closes at once.
    func close(_ error: (any Error)? = nil) {
        failure = failure ?? error
        isClosing = true
        context?.close(promise: nil)
    }

    /// Whether the channel has taken all that was written.
    var isWritable: Bool { context?.channel.isWritable ?? false }

    private func closeAfterWriting() {
        guard !isClosing, let context else { return }
        isClosing = true
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
    }

    /// A flush may empty the channel at once. Its writability then changes while we are in here and `flush` does nothing,
    /// so this asks again itself.
    private func writeOut() {
        guard let context else { return }
        while context.channel.isWritable, writeBatch(context) {}
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

    private func end(_ error: (any Error)?) {
        guard !hasEnded else { return }
        hasEnded = true
        connection.ended(error)
    }
}
