import NIOCore
import NIOPosix

/// One question to one upstream server, on a socket of its own: a fresh port for each question is half of what a forger
/// would have to guess (RFC 5452, section 9.2), and a connected socket takes datagrams from that server alone.
enum UpstreamExchange {
    /// Asks, and hands every message that arrives to `accept` until that returns true. The future fails when the server
    /// cannot be reached, closes the connection, or the time is over. All on `eventLoop`.
    static func run(
        _ bytes: [UInt8],
        to server: DNSUpstream,
        over transport: Forwarding.Transport,
        on eventLoop: any EventLoop,
        accept: @escaping (([UInt8]) -> Bool)
    ) -> EventLoopFuture<Void> {
        let done = eventLoop.makePromise(of: Void.self)
        let accept = NIOLoopBound(accept, eventLoop: eventLoop)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                switch transport {
                case .datagram:
                    try pipeline.addHandler(DatagramUpstreamHandler(bytes, accept: accept.value, done: done))
                case .stream:
                    try pipeline.addHandler(StreamUpstreamHandler(bytes, accept: accept.value, done: done))
                }
            }
        }
        let connected: EventLoopFuture<any Channel>
        let limit: TimeAmount
        do {
            let address = try SocketAddress(ipAddress: server.host, port: server.port)
            switch transport {
            case .datagram:
                limit = .milliseconds(Forwarding.datagramTimeoutMilliseconds)
                connected = DatagramBootstrap(group: eventLoop).channelInitializer(initializer).connect(to: address)
            case .stream:
                limit = .milliseconds(Forwarding.streamTimeoutMilliseconds)
                connected = ClientBootstrap(group: eventLoop).connectTimeout(limit).channelInitializer(initializer)
                    .connect(to: address)
            }
        } catch {
            done.fail(error)
            return done.futureResult
        }
        connected.whenFailure { done.fail($0) }
        let timer = eventLoop.scheduleTask(in: limit) { done.fail(NoAnswer()) }
        done.futureResult.whenComplete { _ in
            timer.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
        return done.futureResult
    }

    /// The server did not answer in time.
    struct NoAnswer: Error {}
}

/// Sends the question in a datagram when the socket is ready, and takes in the answers.
private final class DatagramUpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let question: [UInt8]
    private let accept: ([UInt8]) -> Bool
    private let done: EventLoopPromise<Void>

    init(_ question: [UInt8], accept: @escaping ([UInt8]) -> Bool, done: EventLoopPromise<Void>) {
        self.question = question
        self.accept = accept
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        guard let server = context.channel.remoteAddress else { return }
        let envelope = AddressedEnvelope(remoteAddress: server, data: ByteBuffer(bytes: question))
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if accept(Array(unwrapInboundIn(data).data.readableBytesView)) { done.succeed() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A closed port on the other side arrives as ECONNREFUSED.
        done.fail(error)
    }
}

/// The same over TCP.
private final class StreamUpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let question: [UInt8]
    private let accept: ([UInt8]) -> Bool
    private let done: EventLoopPromise<Void>
    private var framing = StreamFraming()

    init(_ question: [UInt8], accept: @escaping ([UInt8]) -> Bool, done: EventLoopPromise<Void>) {
        self.question = question
        self.accept = accept
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(StreamFraming.framed(question)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        framing.append(unwrapInboundIn(data))
        while let message = framing.next() {
            if accept(message) { return done.succeed() }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(ChannelError.eof)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
    }
}
