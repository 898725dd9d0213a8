internal import NIOCore

/// A stream that a peer opened: one message, and at most one answer. Lives on the loop.
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
    /// The message is here; what comes behind it is not read.
    private var isDone = false

    init(_ loop: GossipLoop) {
        self.loop = loop
        assembler = StreamAssembler(StreamCodec(loop.codec), hasPreamble: true)
    }

    func channelActive(context: ChannelHandlerContext) {
        peer = GossipEndpoint(context.remoteAddress)
        guard let peer, loop.acceptStream(from: peer) else { return context.close(promise: nil) }
        isCounted = true
        // For all of it: one that sends, or reads, byte by byte has no longer.
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
            finish(context, answer: try loop.answer(message, from: peer))
        } catch {
            isDone = true
            loop.dropped(DropReason(error), from: peer)
            finish(context, answer: loop.failure(error))
        }
    }

    private func finish(_ context: ChannelHandlerContext, answer: [UInt8]?) {
        guard let answer else { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
