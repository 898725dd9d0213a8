import Glibc
public import Logging
public import NIOCore
public import NIOPosix
import Synchronization

/// Serves gRPC on any number of addresses.
public final class RPCServer: Sendable {
    private struct State {
        var listeners: [any Channel] = []
        var socketPaths: [String] = []
        var tls: TLSContextSource?
        var isShutDown = false
    }

    private let shared: ServerShared
    private let eventLoopGroup: any EventLoopGroup
    private let state = Mutex(State())
    private let finished = Eventually<Void>()

    /// Connections that wait in the kernel for `accept`: room for a burst of reconnecting clients.
    private static let backlog: CInt = 256

    public init(
        services: [RPCService],
        configuration: RPCServerConfiguration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "stellar.rpc.server", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        shared = ServerShared(methods: MethodTable(services), configuration: configuration, logger: logger)
        self.eventLoopGroup = eventLoopGroup
    }

    /// Listens on an address and serves it. Replaces a stale unix socket.
    ///
    /// - Parameter accepts: false leaves clients waiting in the kernel until ``accept()``. The address is then reserved while
    ///   the services start.
    /// - Returns: the bound address, with the port that the kernel chose for port 0.
    /// - Throws: `RPCError` with `unavailable`, `alreadyExists` or `permissionDenied`, naming the address.
    public func bind(_ address: RPCAddress, accepts: Bool = true) async throws -> RPCAddress {
        let tls = try contextSource(for: address)
        let bootstrap = ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.autoRead, value: accepts)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [shared] channel in
                channel.eventLoop.makeCompletedFuture { try Self.set(up: channel, at: address, shared, tls) }
            }
        do {
            switch address {
            case .tcp(let host, let port):
                let channel =
                    try await bootstrap
                    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .bind(host: host, port: port).get()
                try keep(channel, path: nil)
                return .tcp(host: host, port: channel.localAddress?.port ?? port)
            case .unix(let path):
                let socket = try UnixListenerSocket.bind(path, mode: shared.configuration.unixSocketMode)
                try keep(try await bootstrap.withBoundSocket(socket).get(), path: path)
                return address
            }
        } catch let error as RPCError {
            throw error
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw RPCError(.alreadyExists, "cannot listen on \(address): the port is in use")
        } catch let error as IOError where error.errnoCode == EACCES {
            throw RPCError(.permissionDenied, "cannot listen on \(address): permission denied")
        } catch {
            throw RPCError(.unavailable, "cannot listen on \(address): \(error)")
        }
    }

    /// Accepts connections on all bound addresses.
    public func accept() async throws {
        for listener in state.withLock({ $0.listeners }) {
            try await listener.setOption(.autoRead, value: true).get()
        }
    }

    /// Returns when the server has shut down. Cancelling the task shuts it down without grace.
    public func run() async throws {
        do {
            try await finished.get()
        } catch {
            await shutdown(grace: .zero)
        }
    }

    /// Reads the certificate files again. Without this call the server reads changed files when a client connects.
    ///
    /// - Returns: false for a server without TLS.
    /// - Throws: ``RPCTLSError`` naming the file; the certificates read before stay in use.
    public func reloadCertificates() throws(RPCTLSError) -> Bool {
        guard let tls = state.withLock({ $0.tls }) else { return false }
        try tls.reload()
        return true
    }

    /// Stops listening, sends GOAWAY, waits up to `grace` for open calls and then cancels them.
    public func shutdown(grace: Duration) async {
        let (listeners, paths) = state.withLock { state in
            state.isShutDown = true
            defer {
                state.listeners = []
                state.socketPaths = []
            }
            return (state.listeners, state.socketPaths)
        }
        // Before the listener closes: after that the path may belong to another server.
        for path in paths { unlink(path) }
        for listener in listeners { try? await listener.close().get() }
        let emptied = shared.drain()
        // A timer of an event loop: a sleep would end early when the calling task is cancelled.
        let abort = eventLoopGroup.next().scheduleTask(in: TimeAmount(grace)) { [shared] in shared.abort() }
        await Self.wait(emptied)
        abort.cancel()
        finished.set(.success(()))
    }

    /// Waits even in a cancelled task. The grace bounds the wait.
    private static func wait(_ emptied: Eventually<Void>) async {
        await Task.detached { try? await emptied.get() }.value
    }

    private func contextSource(for address: RPCAddress) throws -> TLSContextSource? {
        // The mode of a unix socket's file decides who can connect; it needs no TLS.
        guard let configuration = shared.configuration.tls, case .tcp = address else { return nil }
        if let known = state.withLock({ $0.tls }) { return known }
        do throws(RPCTLSError) {
            let made = try TLSContextSource(server: configuration, logger: shared.logger)
            state.withLock { $0.tls = made }
            return made
        } catch {
            throw RPCError(.failedPrecondition, "cannot listen on \(address) with TLS: \(error)", tls: error)
        }
    }

    private func keep(_ channel: any Channel, path: String?) throws {
        let isShutDown = state.withLock { state in
            guard !state.isShutDown else { return true }
            state.listeners.append(channel)
            if let path { state.socketPaths.append(path) }
            return false
        }
        guard isShutDown else { return }
        if let path { unlink(path) }
        channel.close(promise: nil)
        throw RPCError(.unavailable, "the server is shut down")
    }

    private static func set(
        up channel: any Channel,
        at address: RPCAddress,
        _ shared: ServerShared,
        _ tls: TLSContextSource?
    ) throws {
        let connection = ServerConnection(
            shared: shared,
            caller: caller(channel, at: address),
            eventLoop: channel.eventLoop
        )
        guard shared.add(connection.mailbox) else {
            connection.mailbox.connect(nil)
            shared.logger.warning(
                "connection refused: too many connections",
                metadata: ["limit": "\(shared.configuration.limits.maxConnections)"]
            )
            throw RPCError(.resourceExhausted, "too many connections")
        }
        let pipeline = channel.pipeline.syncOperations
        do {
            if let tls { try pipeline.addHandler(try tls.makeHandler()) }
            try pipeline.addHandler(HTTP2ChannelHandler(session: try connection.makeSession(), connection: connection))
        } catch {
            connection.closing(error)
            connection.ended()
            throw error
        }
    }

    /// The client of an accepted connection. The TLS handshake comes later.
    private static func caller(_ channel: any Channel, at address: RPCAddress) -> Caller {
        switch address {
        case .unix(let path): return .unix(path: path)
        case .tcp:
            // A client that has disconnected already has no address.
            guard let remote = channel.remoteAddress, let host = remote.ipAddress, let port = remote.port else {
                return .tcp(address: "unknown")
            }
            return .tcp(address: RPCAddress.tcp(host: host, port: port).description)
        }
    }
}
