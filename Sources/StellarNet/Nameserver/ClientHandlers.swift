import NIOCore

/// Serves queries by datagram.
final class DatagramClientHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// The longest query taken; a longer one arrives cut, and is refused. A question has at most 271 bytes, and its OPT record
    /// a few dozen.
    static let maximumBytes = 2048

    private let resolver: NameserverDriver

    init(_ resolver: NameserverDriver) {
        self.resolver = resolver
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let client = envelope.remoteAddress
        let channel = context.channel
        var isNow = true
        let bytes = Array(envelope.data.readableBytesView)
        resolver.resolve(bytes, from: client, overStream: false) { [unowned self] response in
            let envelope = AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: response))
            if isNow {
                // Flushed once for all datagrams of one read.
                context.write(self.wrapOutboundOut(envelope), promise: nil)
            } else if channel.isActive, channel.isWritable {
                // Where the kernel takes no more, the response is dropped, as the network may drop one: memory stays bounded.
                channel.writeAndFlush(envelope, promise: nil)
            }
        }
        isNow = false
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that closed its port (ICMP port unreachable) does not end the service.
    }
}

/// Serves queries over TCP: several on one connection, with responses in the order they are ready (RFC 7766).
final class StreamClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Connections at one time; each costs a descriptor and some kilobytes.
    static let maximumConnections = 128
    /// Queries of one connection that wait for upstream servers.
    static let maximumWaiting = 32
    /// RFC 7766, section 6.2.3: seconds, not minutes. A client that sends a query byte by byte has no longer.
    static let idleTimeout = TimeAmount.seconds(10)
    /// Responses that the client has not read; beyond `high` the connection ends.
    static let unsentBytes = ChannelOptions.Types.WriteBufferWaterMark(low: 128 << 10, high: 1 << 20)

    private let resolver: NameserverDriver
    private let connections: NIOLoopBoundBox<Int>
    private var framing = StreamFraming()
    private var waiting = 0
    private var isCounted = false
    private var idleTimer: Scheduled<Void>?

    init(_ resolver: NameserverDriver, connections: NIOLoopBoundBox<Int>) {
        self.resolver = resolver
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        guard connections.value < Self.maximumConnections else { return context.close(promise: nil) }
        connections.value += 1
        isCounted = true
        restartTimer(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        idleTimer?.cancel()
        if isCounted { connections.value -= 1 }
        isCounted = false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        framing.append(unwrapInboundIn(data))
        while let message = framing.next() {
            restartTimer(context)
            guard waiting < Self.maximumWaiting else { return context.close(promise: nil) }
            waiting += 1
            let channel = context.channel
            resolver.resolve(message, from: channel.remoteAddress, overStream: true) { [weak self] response in
                guard let self, channel.isActive else { return }
                waiting -= 1
                channel.writeAndFlush(StreamFraming.framed(response), promise: nil)
            }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // A client that reads nothing would fill memory with responses.
        if !context.channel.isWritable { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func restartTimer(_ context: ChannelHandlerContext) {
        idleTimer?.cancel()
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.idleTimeout) {
            context.close(promise: nil)
        }
    }
}
