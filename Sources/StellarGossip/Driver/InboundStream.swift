internal import NIOCore

/// A stream that a peer opened: one message, and at most one response. It lives on the loop.
final class InboundStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: GossipLoop
    private var assembler: StreamAssembler
    private var peer: GossipEndpoint?
    private var deadline: Scheduled<Void>?
    private var isCounted = false
    /// Bytes that the loop counts as kept for this stream.
    private var kept = 0
    /// The message is complete; later bytes are ignored.
    private var isDone = false

    init(_ loop: GossipLoop) {
        self.loop = loop
        assembler = StreamAssembler(StreamCodec(loop.codec), hasPreamble: true)
    }

    func channelActive(context: ChannelHandlerContext) {
        peer = GossipEndpoint(context.remoteAddress)
        guard let peer, loop.acceptStream(from: peer) else { return context.close(promise: nil) }
        isCounted = true
        // One limit for the whole stream, so that a slow peer cannot hold it longer.
        let limit = TimeAmount(loop.configuration.gossip.streamTimeout)
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [self] in
            loop.dropped(.streamTimeout, from: peer)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if isCounted { loop.streamEnded(kept: kept) }
        isCounted = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone, isCounted, let peer else { return }
        do throws(WireError) {
            let message = try assembler.append(unwrapInboundIn(data).readableBytesView)
            let more = assembler.count - kept
            kept += more
            guard loop.keep(more) else { throw .tooLarge }
            guard let message else { return }
            isDone = true
            finish(context, response: try loop.respond(to: message, from: peer))
        } catch {
            isDone = true
            loop.dropped(DropReason(error), from: peer)
            finish(context, response: loop.failure(error))
        }
    }

    private func finish(_ context: ChannelHandlerContext, response: [UInt8]?) {
        guard let response else { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: response))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
