public import Logging
public import NIOCore
public import NIOPosix
import Synchronization

/// A client of one peer: calls share one HTTP/2 connection, which is made at the first call and remade with back-off when it
/// is lost.
public final class RPCClient: Sendable {
    /// The peer.
    public let address: RPCAddress

    private let configuration: RPCClientConfiguration
    private let mailbox: LoopMailbox<ClientCommand>
    private let lastCall = Atomic<ClientMachine.CallID>(0)

    public init(
        address: RPCAddress,
        configuration: RPCClientConfiguration = .init(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "stellar.rpc.client", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.address = address
        self.configuration = configuration
        let mailbox = LoopMailbox<ClientCommand>(eventLoop: eventLoopGroup.next())
        self.mailbox = mailbox
        mailbox.eventLoop.execute {
            mailbox.connect(
                ClientCore(address: address, configuration: configuration, eventLoop: mailbox.eventLoop, logger: logger)
            )
        }
    }

    deinit {
        mailbox.send(.close(nil))
    }

    /// One request, one response.
    ///
    /// - Throws: `RPCError`, whose code is never `ok`.
    public func unary(
        _ method: RPCMethod,
        _ request: ByteBuffer,
        options: RPCCallOptions = .init()
    ) async throws -> ByteBuffer {
        let call = try makeCall(method, options, expectsSingleResponse: true)
        mailbox.send(.startUnary(call, request))
        return try await withTaskCancellationHandler {
            do {
                // The status comes behind the response; the call is no success before it is there.
                let response = try await call.inbox.next()
                guard try await call.inbox.next() == nil, let response else {
                    throw RPCError(.internalError, "\(method): the call ended with OK and without a response")
                }
                return response
            } catch {
                call.cancel()
                throw error
            }
        } onCancel: {
            call.cancel()
        }
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
        let call = try makeCall(method, options, expectsSingleResponse: false)
        mailbox.send(.start(call))
        defer { call.cancel() }
        return try await withTaskCancellationHandler {
            try await body(call)
        } onCancel: {
            call.cancel()
        }
    }

    /// Ends the connection once its calls have ended; new calls fail with `unavailable`.
    public func close() async {
        let closed = Eventually<Void>()
        mailbox.send(.close(closed))
        try? await closed.get()
    }

    private func makeCall(
        _ method: RPCMethod,
        _ options: RPCCallOptions,
        expectsSingleResponse: Bool
    ) throws(RPCError) -> RPCClientCall {
        if let key = options.metadata.unsendable {
            throw RPCError(
                .invalidArgument,
                "the metadata \(key) cannot be sent: keys are a-z 0-9 . _ - and not gRPC's own, texts are printable ASCII"
            )
        }
        return RPCClientCall(
            id: lastCall.add(1, ordering: .relaxed).newValue,
            method: method,
            options: options,
            expectsSingleResponse: expectsSingleResponse,
            configuration: configuration,
            mailbox: mailbox
        )
    }
}
