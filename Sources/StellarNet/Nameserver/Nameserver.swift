import Glibc
public import Logging
public import NIOCore
public import NIOPosix
public import StellarCore
import Synchronization

/// Where the nameserver listens, its upstream servers, and the clients it serves.
public struct NameserverConfiguration: Sendable, Hashable {
    /// The bridge's gateway address; the interface must have it already.
    public var address: IPv4Address
    /// 0 lets the kernel choose, for tests.
    public var port: Int
    /// The servers for names outside of the cluster, in this order.
    public var upstreams: [DNSUpstream]
    /// The networks that are served, all others are refused; empty means all. A nameserver that serves the whole Internet is
    /// used for attacks.
    public var clients: [IPv4Subnet]

    public init(address: IPv4Address, port: Int = 53, upstreams: [DNSUpstream], clients: [IPv4Subnet] = []) {
        self.address = address
        self.port = port
        self.upstreams = upstreams
        self.clients = clients
    }

    /// The clients that every node has: its containers, the host itself (its queries to the gateway have the gateway's source
    /// address), and loopback.
    public static func clients(of subnet: IPv4Subnet) -> [IPv4Subnet] {
        [subnet] + [IPv4Subnet(containing: IPv4Address(127, 0, 0, 1), prefixLength: 8)].compactMap { $0 }
    }
}

/// The DNS server on the node's gateway address, over UDP and TCP: it takes the cluster's names from a ``Zone``, and forwards
/// all others to the upstream servers.
///
/// It runs on one event loop. No message of a client or an upstream server ends it.
public final class Nameserver: Sendable {
    /// How often it retries to bind a port that another program holds.
    static let retryInterval = Duration.seconds(2)
    /// Datagrams taken from the socket in one system call.
    private static let vectorCount = 16
    /// Room in the socket for some thousand queries that come at once; the kernel's default holds a few hundred.
    private static let receiveBufferBytes = 1 << 20

    private let configuration: NameserverConfiguration
    private let zone: @Sendable () -> Zone
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var channels: [any Channel] = []
        var isStopped = false
        var problem: String?
    }

    /// - Parameter zone: called for each query; it must be fast.
    public init(
        _ configuration: NameserverConfiguration,
        zone: @escaping @Sendable () -> Zone,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger
    ) {
        self.configuration = configuration
        self.zone = zone
        eventLoop = eventLoopGroup.next()
        self.logger = logger
    }

    /// Why it does not serve at the moment; nil when it does.
    public var problem: String? {
        state.withLock { $0.problem }
    }

    /// Serves until ``stop()``, or until the task is cancelled. Where the sockets cannot be bound, or end by themselves, it
    /// logs the reason once, has it in ``problem``, and retries every two seconds.
    public func run() async {
        while !Task.isCancelled, !state.withLock({ $0.isStopped }) {
            if state.withLock({ $0.channels.isEmpty }) { _ = try? await start() }
            await untilClosed()
            if !state.withLock({ $0.isStopped }) { try? await Task.sleep(for: Self.retryInterval) }
        }
        await stop()
    }

    /// Binds both sockets and begins to serve. Returns the port. ``run()`` does this where it was not done.
    ///
    /// - Throws: ``NetworkError``: `unavailable` when the port is taken or the address is on no interface,
    ///   `permissionDenied` without the right to bind it. Nothing stays bound.
    @discardableResult
    public func start() async throws -> Int {
        do {
            let port = try await bindBoth()
            let before = state.withLock { state in
                defer { state.problem = nil }
                return state.problem
            }
            let place: Logger.Metadata = ["stellar.address": "\(configuration.address):\(port)"]
            logger.log(level: before == nil ? .debug : .notice, "nameserver listens", metadata: place)
            return port
        } catch {
            let reason = (error as? NetworkError)?.message ?? "\(error)"
            let isNews = state.withLock { state in
                defer { state.problem = reason }
                return state.problem != reason
            }
            if isNews {
                logger.error("cannot serve names; retrying", metadata: ["reason": "\(reason)"])
            }
            throw error
        }
    }

    private func bindBoth() async throws -> Int {
        let eventLoop = eventLoop
        let resolver = NIOLoopBoundBox.makeBoxSendingValue(
            NameserverDriver(configuration: configuration, zone: zone, eventLoop: eventLoop),
            eventLoop: eventLoop
        )
        let datagrams = DatagramBootstrap(group: eventLoop)
            .channelOption(.datagramVectorReadMessageCount, value: Self.vectorCount)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: Self.vectorCount * DatagramClientHandler.maximumBytes)
            )
            .channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(Self.receiveBufferBytes))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramClientHandler(resolver.value))
                }
            }
        let connections = NIOLoopBoundBox.makeBoxSendingValue(0, eventLoop: eventLoop)
        let streams = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Waits before the next accept when no descriptor is left.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.writeBufferWaterMark, value: StreamClientHandler.unsentBytes)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = StreamClientHandler(resolver.value, connections: connections)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        let host = configuration.address.description
        let datagramChannel = try await bind("udp", configuration.port) {
            try await datagrams.bind(host: host, port: configuration.port).get()
        }
        let port = datagramChannel.localAddress?.port ?? configuration.port
        let streamChannel: any Channel
        do {
            streamChannel = try await bind("tcp", port) { try await streams.bind(host: host, port: port).get() }
        } catch {
            try? await datagramChannel.close()
            throw error
        }
        let wasStopped = state.withLock { state in
            state.channels = [datagramChannel, streamChannel]
            return state.isStopped
        }
        if wasStopped { await stop() }
        return port
    }

    /// Waits until one of the sockets is closed, by ``stop()`` or by itself, and closes the other.
    private func untilClosed() async {
        let channels = state.withLock { $0.channels }
        for (channel, other) in zip(channels, channels.reversed()) {
            channel.closeFuture.whenComplete { _ in other.close(promise: nil) }
        }
        await withTaskCancellationHandler {
            for channel in channels { try? await channel.closeFuture.get() }
        } onCancel: {
            for channel in channels { channel.close(promise: nil) }
        }
        state.withLock { $0.channels = [] }
    }

    /// Closes both sockets.
    public func stop() async {
        let channels = state.withLock { state in
            state.isStopped = true
            return state.channels
        }
        for channel in channels { try? await channel.close() }
    }

    private func bind(
        _ transport: String,
        _ port: Int,
        _ body: () async throws -> any Channel
    ) async throws -> any Channel {
        do {
            return try await body()
        } catch let error as IOError {
            let place = "\(configuration.address):\(port)/\(transport)"
            switch error.errnoCode {
            case EADDRINUSE:
                throw NetworkError(
                    .unavailable,
                    "nameserver: \(place) is taken by another program; find it with "
                        + "`ss -lnp\(transport == "udp" ? "u" : "t") 'sport = :\(port)'` and stop it, or bind it to other addresses"
                )
            case EADDRNOTAVAIL:
                throw NetworkError(
                    .unavailable,
                    "nameserver: \(configuration.address) is on no interface of this host: the bridge is missing or has another "
                        + "address; the daemon restores it within half a minute"
                )
            case EACCES, EPERM:
                throw NetworkError(
                    .permissionDenied,
                    "nameserver: cannot bind \(place): it needs root (or CAP_NET_BIND_SERVICE)"
                )
            default:
                throw NetworkError(
                    .internalError,
                    "nameserver: cannot bind \(place): \(SystemCallError.text(error.errnoCode))"
                )
            }
        }
    }
}
