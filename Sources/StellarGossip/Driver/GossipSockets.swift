import Glibc
internal import NIOCore
internal import NIOPosix

/// The datagram socket and the stream socket of a node, on one port.
struct GossipSockets: Sendable {
    /// The requested receive buffer: room for some thousand datagrams at once. Halved until the kernel grants it.
    static let receiveBufferBytes = 2 << 20
    /// The smallest requested buffer; the kernel's own default is above it.
    private static let leastReceiveBufferBytes = 64 << 10
    /// Datagrams that are read before other events have their turn.
    private static let datagramsPerRead = 64
    /// How often the kernel chooses a port: the one it chooses for datagrams may be taken for streams.
    private static let portTries = 32

    /// For sending. NIO does not send the datagrams, because it closes a socket on errors that must not end anything
    /// here (no route, refused by a firewall).
    let descriptor: CInt
    let family: CInt
    let datagrams: any Channel
    let streams: any Channel
    let bound: GossipEndpoint

    /// - Throws: ``GossipNodeError``; nothing stays bound.
    static func bind(_ endpoint: GossipEndpoint, to loop: NIOLoopBoundBox<GossipLoop>) async throws -> GossipSockets {
        var tries = endpoint.port == 0 ? portTries : 1
        while true {
            tries -= 1
            do {
                return try await bindBoth(endpoint, to: loop)
            } catch let error as GossipNodeError where error.code == .portTaken && tries > 0 {
                continue
            }
        }
    }

    private static func bindBoth(
        _ endpoint: GossipEndpoint,
        to loop: NIOLoopBoundBox<GossipLoop>
    ) async throws -> GossipSockets {
        let (descriptor, bound) = try datagramSocket(endpoint)
        let eventLoop = loop.eventLoop
        let datagrams: any Channel
        do {
            datagrams = try await DatagramBootstrap(group: eventLoop)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: WireLimits.datagram))
                .channelOption(.maxMessagesPerRead, value: UInt(datagramsPerRead))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramReceiver(loop.value))
                    }
                }
                .withBoundSocket(descriptor).get()
        } catch {
            close(descriptor)
            throw error
        }
        do {
            let streams = try await ServerBootstrap(group: eventLoop)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        // If the process has no descriptors left, wait before the next accept.
                        try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    }
                }
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(InboundStream(loop.value))
                    }
                }
                .bind(host: bound.address.description, port: Int(bound.port)).get()
            return GossipSockets(
                descriptor: descriptor,
                family: endpoint.address.family,
                datagrams: datagrams,
                streams: streams,
                bound: bound
            )
        } catch {
            try? await datagrams.close()
            throw (error as? IOError).map { failure($0.errnoCode, bound, "tcp") } ?? error
        }
    }

    private static func datagramSocket(_ endpoint: GossipEndpoint) throws -> (CInt, GossipEndpoint) {
        let family = endpoint.address.family
        let kind = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw failure(errno, endpoint, "udp") }
        var size = CInt(receiveBufferBytes)
        while size >= leastReceiveBufferBytes,
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size)) != 0
        {
            size /= 2
        }
        let result = endpoint.withSocketAddress(family: family) { Glibc.bind(descriptor, $0, $1) }
        guard result == 0, let bound = LocalAddress.bound(descriptor) else {
            let number = errno
            close(descriptor)
            throw failure(number, endpoint, "udp")
        }
        return (descriptor, bound)
    }

    private static func failure(_ number: CInt, _ endpoint: GossipEndpoint, _ transport: String) -> GossipNodeError {
        let place = "\(endpoint)/\(transport)"
        switch number {
        case EADDRINUSE:
            let option = transport == "udp" ? "u" : "t"
            return GossipNodeError(
                .portTaken,
                "cannot bind gossip to \(place): it is taken by another program; find it with "
                    + "`ss -lnp\(option) 'sport = :\(endpoint.port)'` and stop it, or choose another port"
            )
        case EADDRNOTAVAIL:
            return GossipNodeError(
                .addressMissing,
                "cannot bind gossip to \(place): no interface of this host has \(endpoint.address); bind an address "
                    + "of this host, and advertise the one that others reach"
            )
        case EACCES, EPERM:
            return GossipNodeError(
                .notPermitted,
                "cannot bind gossip to \(place): it needs root or CAP_NET_BIND_SERVICE; choose a port above 1023"
            )
        default:
            return GossipNodeError(.unavailable, "cannot bind gossip to \(place): \(String(cString: strerror(number)))")
        }
    }
}

/// Receives datagrams from the socket. It lives on the loop.
final class DatagramReceiver: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let loop: GossipLoop

    init(_ loop: GossipLoop) {
        self.loop = loop
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let source = GossipEndpoint(envelope.remoteAddress) else { return }
        loop.received(Array(envelope.data.readableBytesView), from: source)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.drainEffects()
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.datagramsClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // An error of an earlier datagram (ICMP port unreachable) must not close the socket.
    }
}
