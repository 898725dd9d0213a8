package import NIOCore

/// TLS at the bottom of a pipeline: the driver of a ``TLSEngine``.
///
/// The handlers above never know: `channelActive` is held back until the handshake is done, and ``TLSEstablished`` is fired
/// just before it. When it fails they see `errorCaught` with an ``RPCTLSError`` and then the channel closes. What they write
/// before is kept until then. Add it in the channel's initializer, before the channel is active.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private var engine: TLSEngine
    private let handshakeTimeout: Duration
    private var timeout: Scheduled<Void>?
    private var pending: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var wantsFlush = false
    private var isDone = false
    private var channelIsGone = false

    package init(engine: consuming sending TLSEngine, handshakeTimeout: Duration) {
        self.engine = engine
        self.handshakeTimeout = handshakeTimeout
    }

    package func channelActive(context: ChannelHandlerContext) {
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let limit = handshakeTimeout
        timeout = context.eventLoop.scheduleTask(in: TimeAmount(limit)) {
            handler.value.fail(
                RPCTLSError(.timeout, "the TLS handshake was not done within \(limit)"),
                context: bound.value
            )
        }
        perform(engine.start(), context: context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if !isDone, !engine.isEstablished {
            finish(RPCTLSError(.closed, "the peer closed the connection during the TLS handshake"), context: context)
        }
        finish(nil, context: context)
        channelIsGone = true
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        finish(nil, context: context)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        perform(engine.receive(unwrapInboundIn(data)), context: context)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isDone else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        pending.append((unwrapOutboundIn(data), promise))
    }

    package func flush(context: ChannelHandlerContext) {
        wantsFlush = true
        flushPending(context: context)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // TLS has no half that can be closed and read from later that HTTP/2 would need.
        guard mode != .input else {
            context.close(mode: mode, promise: promise)
            return
        }
        if !isDone {
            flushPending(context: context)
            perform(engine.close(), context: context)
            finish(nil, context: context)
        }
        context.close(mode: .all, promise: promise)
    }

    // MARK: - Effects

    private func perform(
        _ effects: [TLSEngine.Effect],
        context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>? = nil
    ) {
        var promise = promise
        for effect in effects {
            switch effect {
            case .send(let ciphertext):
                context.writeAndFlush(wrapOutboundOut(ciphertext), promise: promise)
                promise = nil
            case .established(let session):
                timeout?.cancel()
                timeout = nil
                context.fireUserInboundEventTriggered(session)
                context.fireChannelActive()
                flushPending(context: context)
            case .deliver(let plaintext):
                // A handler above may have closed the channel by now.
                if !channelIsGone { context.fireChannelRead(wrapInboundOut(plaintext)) }
            case .ended:
                finish(nil, context: context)
                context.close(promise: nil)
            case .failed(let error):
                fail(error, context: context)
            }
        }
        // Nothing was sent: the engine is done.
        promise?.fail(ChannelError.ioOnClosedChannel)
    }

    private func flushPending(context: ChannelHandlerContext) {
        guard wantsFlush, engine.isEstablished, !isDone else { return }
        wantsFlush = false
        let writes = pending
        pending = []
        guard var joined = writes.first?.bytes else { return }
        for write in writes.dropFirst() { joined.writeImmutableBuffer(write.bytes) }
        let promise = writes.contains { $0.promise != nil } ? context.eventLoop.makePromise(of: Void.self) : nil
        for write in writes { promise?.futureResult.cascade(to: write.promise) }
        guard joined.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        perform(engine.send(joined), context: context, promise: promise)
    }

    private func fail(_ error: RPCTLSError, context: ChannelHandlerContext) {
        guard !isDone else { return }
        finish(error, context: context)
        context.close(promise: nil)
    }

    /// The end, once.
    private func finish(_ error: RPCTLSError?, context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        timeout?.cancel()
        timeout = nil
        let writes = pending
        pending = []
        for write in writes { write.promise?.fail(error ?? ChannelError.ioOnClosedChannel) }
        if let error { context.fireErrorCaught(error) }
    }
}
