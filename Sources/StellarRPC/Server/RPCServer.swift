public import Logging
public import NIOCore
public import NIOPosix

/// Serves gRPC on any number of addresses.
public final class RPCServer: Sendable {
    /// - Throws: nothing here; certificates are read by `bind`.
    public init(
        services: [RPCService],
        configuration: RPCServerConfiguration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "stellar.rpc.server", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {}

    /// Listens on an address and serves it from now on. A stale file of a unix socket is replaced.
    ///
    /// - Returns: the bound address: port 0 has become the one that the kernel chose.
    /// - Throws: `RPCError` with `unavailable` or `permissionDenied`, naming the address.
    public func bind(_ address: RPCAddress) async throws -> RPCAddress {
        throw RPCError(.unimplemented, "not there yet")
    }

    /// Returns when the server has shut down. Cancelling the task shuts it down without grace.
    public func run() async throws {}

    /// Stops listening, asks clients to go away (GOAWAY), waits up to `grace` for open calls and then cancels them.
    public func shutdown(grace: Duration) async {}
}
