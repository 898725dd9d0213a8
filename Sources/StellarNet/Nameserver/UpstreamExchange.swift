import NIOCore
import NIOPosix

/// Sends one query to one upstream server, on a socket of its own: a fresh port for each query is half of what a forger has to
/// guess (RFC 5452, section 9.2), and a connected socket takes datagrams from that server alone.
enum UpstreamExchange {
    /// Sends the query, and passes each message that arrives to `accept` until that returns true. The future fails when the
    /// server cannot be reached, closes the connection, or the time is over. All runs on `eventLoop`.
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
        let timer = eventLoop.scheduleTask(in: limit) { done.fail(NoResponse()) }
        done.futureResult.whenComplete { _ in
            timer.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
        return done.futureResult
    }

    /// The server did not respond in time.
    struct NoResponse: Error {}
}

/// Sends the query in a datagram when the socket is ready, and receives messages.
private final class DatagramUpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let query: [UInt8]
    private let accept: ([UInt8]) -> Bool
    private let done: EventLoopPromise<Void>

    init(_ query: [UInt8], accept: @escaping ([UInt8]) -> Bool, done: EventLoopPromise<Void>) {
        self.query = query
        self.accept = accept
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        guard let server = context.channel.remoteAddress else { return }
        let envelope = AddressedEnvelope(remoteAddress: server, data: ByteBuffer(bytes: query))
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

/// Sends the query over TCP, and receives messages.
private final class StreamUpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let query: [UInt8]
    private let accept: ([UInt8]) -> Bool
    private let done: EventLoopPromise<Void>
    private var framing = StreamFraming()

    init(_ query: [UInt8], accept: @escaping ([UInt8]) -> Bool, done: EventLoopPromise<Void>) {
        self.query = query
        self.accept = accept
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(StreamFraming.framed(query)), promise: nil)
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
