package import NIOCore

/// The driver of a ``TLSEngine``: the first handler of a pipeline with TLS.
///
/// It holds `channelActive` back until the handshake is done, and fires ``TLSEstablished`` just before it. If the handshake
/// fails it fires `errorCaught` with an ``RPCTLSError`` and closes the channel. It keeps earlier writes until then. Add it in
/// the channel's initializer, before the channel is active.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private var engine: TLSEngine
    private let handshakeTimeout: Duration
    private var timeout: Scheduled<Void>?
    private var pending: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var isDone = false
    private var channelHasClosed = false

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
        channelHasClosed = true
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
        let plaintext = unwrapOutboundIn(data)
        guard engine.isEstablished else { return pending.append((plaintext, promise)) }
        encrypt(plaintext, context: context, promise: promise)
    }

    package func flush(context: ChannelHandlerContext) {
        context.flush()
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, !isDone {
            perform(engine.close(), context: context)
            finish(nil, context: context)
        }
        // After close_notify the engine drops input: a half-closed channel only waits for the peer's end.
        context.close(mode: mode, promise: promise)
    }

    // MARK: - Effects

    /// Sends the output of one step, of the handshake and of the handlers above, in one flush. So a client's last flight and its
    /// first frames arrive together, and a server that refuses the client has read all input. With unread bytes its kernel
    /// would reset the connection, and the alert with the reason could be lost.
    private func perform(_ effects: [TLSEngine.Effect], context: ChannelHandlerContext) {
        var wrote = false
        for effect in effects {
            switch effect {
            case .send(let ciphertext):
                context.write(wrapOutboundOut(ciphertext), promise: nil)
                wrote = true
            case .established(let session):
                timeout?.cancel()
                timeout = nil
                context.fireUserInboundEventTriggered(session)
                context.fireChannelActive()
                writePending(context: context)
            case .deliver(let plaintext):
                // A handler above may have closed the channel.
                if !channelHasClosed { context.fireChannelRead(wrapInboundOut(plaintext)) }
            case .ended:
                context.flush()
                finish(nil, context: context)
                context.close(promise: nil)
            case .failed(let error):
                context.flush()
                fail(error, context: context)
            }
        }
        if wrote, !isDone { context.flush() }
    }

    /// Encrypts at once, not at the flush, so that the channel counts the pending bytes for its writability.
    private func encrypt(_ plaintext: ByteBuffer, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        // TLS has no empty record. The promise of an empty write waits for the writes before it.
        guard plaintext.readableBytes > 0 else {
            context.write(wrapOutboundOut(plaintext), promise: promise)
            return
        }
        var unsent = promise
        for effect in engine.send(plaintext) {
            switch effect {
            case .send(let ciphertext):
                context.write(wrapOutboundOut(ciphertext), promise: unsent)
                unsent = nil
            case .failed(let error):
                unsent?.fail(error)
                fail(error, context: context)
            case .established, .deliver, .ended: break
            }
        }
    }

    private func writePending(context: ChannelHandlerContext) {
        let writes = pending
        pending = []
        guard !writes.isEmpty else { return }
        for write in writes { encrypt(write.bytes, context: context, promise: write.promise) }
        context.flush()
    }

    private func fail(_ error: RPCTLSError, context: ChannelHandlerContext) {
        guard !isDone else { return }
        finish(error, context: context)
        context.close(promise: nil)
    }

    /// Ends the handler, once.
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
