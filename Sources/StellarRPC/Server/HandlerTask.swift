import NIOCore

/// Runs a handler and tells its connection how it went.
enum HandlerTask {
    /// - Returns: the task, for the call's stream to own and cancel.
    static func start(
        _ call: RPCServerCall,
        _ mailbox: LoopMailbox<ServerCommand>,
        _ body: @escaping @Sendable () async throws -> ByteBuffer?
    ) -> Task<Void, Never> {
        Task {
            do {
                let response = try await body()
                mailbox.send(.done(call.stream, response, nil, trailers: call.trailingMetadata))
            } catch {
                var trailers = call.trailingMetadata
                let failure = (error as? RPCError) ?? status(of: error)
                trailers.add(contentsOf: failure.metadata)
                mailbox.send(.done(call.stream, nil, failure, trailers: trailers))
            }
        }
    }

    private static func status(of error: any Error) -> RPCError {
        error is CancellationError
            ? RPCError(.cancelled, "the call was cancelled") : RPCError(.unknown, String(describing: error))
    }
}
