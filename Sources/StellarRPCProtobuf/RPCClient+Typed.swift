public import StellarRPC
public import SwiftProtobuf

extension RPCClient {
    /// One request, one response.
    ///
    /// - Throws: `RPCError`.
    public func unary<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ request: Request,
        returning: Response.Type = Response.self,
        options: RPCCallOptions = .init()
    ) async throws -> Response {
        let response = try await unary(method, request.encoded(), options: options)
        return try Response(encoded: response, failing: .internalError)
    }

    /// One request, many responses, read in `body`. Cancels the call if `body` returns before the call has ended.
    ///
    /// - Throws: the error of `body`; `RPCError`.
    public func serverStreaming<Request: Message, Response: Message, R>(
        _ method: RPCMethod,
        _ request: Request,
        returning: Response.Type = Response.self,
        options: RPCCallOptions = .init(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RPCResponses<Response>) async throws -> R
    ) async throws -> R {
        let request = try request.encoded()
        return try await withCall(method, options: options) { call in
            try await call.send(request)
            call.finishSending()
            return try await body(RPCResponses(messages: call.responses, code: .internalError))
        }
    }

    /// Runs a call of any kind in `body`. Cancels the call if `body` returns before the call has ended.
    ///
    /// - Throws: the error of `body`; `RPCError`.
    public func withCall<Request: Message, Response: Message, R>(
        _ method: RPCMethod,
        sending: Request.Type,
        returning: Response.Type,
        options: RPCCallOptions = .init(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RPCTypedCall<Request, Response>) async throws -> R
    ) async throws -> R {
        try await withCall(method, options: options) { call in
            try await body(RPCTypedCall(call: call))
        }
    }
}

/// A call whose requests are `Request` and whose responses are `Response`.
public struct RPCTypedCall<Request: Message, Response: Message>: Sendable {
    /// The call in bytes.
    public let call: RPCClientCall

    /// Sends a request; suspends while the server reads slower than the caller writes.
    public func send(_ request: Request) async throws {
        try await call.send(request.encoded())
    }

    /// Ends the requests.
    public func finishSending() {
        call.finishSending()
    }

    /// The responses, to be read once.
    public var responses: RPCResponses<Response> { RPCResponses(messages: call.responses, code: .internalError) }

    /// The one response of a client-streaming method.
    ///
    /// - Throws: `RPCError`; `internalError` if there is none.
    public func response() async throws -> Response {
        var last: Response?
        for try await response in responses { last = response }
        guard let last else { throw RPCError(.internalError, "the call ended with OK and without a response") }
        return last
    }
}
