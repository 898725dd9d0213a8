import NIOCore

/// Runs a handler and sends the outcome to its connection.
enum HandlerTask {
    /// Consults the authorizer of the service, then runs the handler.
    ///
    /// - Parameter request: the whole request, for a handler that takes it.
    /// - Returns: the task, which the call's stream owns and cancels.
    static func start(
        _ call: RPCServerCall,
        _ method: MethodTable.Entry,
        _ request: ByteBuffer?,
        _ mailbox: LoopMailbox<ServerCommand>
    ) -> Task<Void, Never> {
        Task {
            do {
                let response = try await run(method, request ?? ByteBuffer(), call)
                mailbox.send(.done(call.stream, response, nil, trailers: call.trailingMetadata))
            } catch {
                var trailers = call.trailingMetadata
                let failure = (error as? RPCError) ?? status(of: error)
                trailers.add(contentsOf: failure.metadata)
                mailbox.send(.done(call.stream, nil, failure, trailers: trailers))
            }
        }
    }

    private static func run(
        _ method: MethodTable.Entry,
        _ request: ByteBuffer,
        _ call: RPCServerCall
    ) async throws -> ByteBuffer? {
        try await method.authorizer?.authorize(call.caller, calling: call.method)
        switch method.handler.body {
        case .unary(let body): return try await body(request, call)
        case .serverStreaming(let body): try await body(request, call)
        case .streaming(let body): try await body(call)
        }
        return nil
    }

    private static func status(of error: any Error) -> RPCError {
        error is CancellationError
            ? RPCError(.cancelled, "the call was cancelled") : RPCError(.unknown, String(describing: error))
    }
}
