public import Logging
public import NIOCore
public import NIOPosix

/// A client of one peer: calls share one HTTP/2 connection, which is made at the first call and remade with back-off when it
/// is lost.
public final class RPCClient: Sendable {
    /// The peer.
    public let address: RPCAddress

    public init(
        address: RPCAddress,
        configuration: RPCClientConfiguration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "stellar.rpc.client", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.address = address
    }

    /// One request, one response.
    ///
    /// - Throws: `RPCError`, whose code is never `ok`.
    public func unary(
        _ method: RPCMethod,
        _ request: ByteBuffer,
        options: RPCCallOptions = .init()
    ) async throws -> ByteBuffer {
        throw RPCError(.unimplemented, "not there yet")
    }

    /// A call of any kind, as long as `body` runs: where it returns or throws before the call has ended, the call is cancelled.
    ///
    /// - Throws: what `body` throws.
    public func withCall<R>(
        _ method: RPCMethod,
        options: RPCCallOptions = .init(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RPCClientCall) async throws -> R
    ) async throws -> R {
        throw RPCError(.unimplemented, "not there yet")
    }

    /// Ends the connection once its calls have ended; new calls fail with `unavailable`.
    public func close() async {}
}
