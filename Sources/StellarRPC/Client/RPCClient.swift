public import Logging
public import NIOCore
public import NIOPosix
import Synchronization

/// A client of one peer. Its calls share one HTTP/2 connection. The first call connects; a lost connection is made again with
/// back-off.
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
                // The status follows the response; only it makes the call a success.
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

    /// Runs a call of any kind in `body`. Cancels the call if `body` returns or throws before the call has ended.
    ///
    /// - Throws: the error of `body`.
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

    /// Closes the connection after its open calls. New calls fail with `unavailable`.
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
                "the metadata \(key) cannot be sent: a key has a-z 0-9 . _ - and is not reserved by gRPC; a text is printable ASCII"
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
