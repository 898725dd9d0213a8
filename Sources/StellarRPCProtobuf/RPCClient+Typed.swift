public import StellarRPC
public import SwiftProtobuf

extension RPCClient {
    /// One request, one response.
    ///
    /// - Throws: `RPCError`.
    public func unary<Q: Message, A: Message>(
        _ method: RPCMethod,
        _ request: Q,
        returning: A.Type = A.self,
        options: RPCCallOptions = .init()
    ) async throws -> A {
        let response = try await unary(method, request.encoded(), options: options)
        return try A(encoded: response, failing: .internalError)
    }

    /// One request, many responses, read in `body`. Leaving it early cancels the call.
    ///
    /// - Throws: what `body` throws; `RPCError`.
    public func serverStreaming<Q: Message, A: Message, R>(
        _ method: RPCMethod,
        _ request: Q,
        returning: A.Type = A.self,
        options: RPCCallOptions = .init(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RPCResponses<A>) async throws -> R
    ) async throws -> R {
        let request = try request.encoded()
        return try await withCall(method, options: options) { call in
            try await call.send(request)
            call.finishSending()
            return try await body(RPCResponses(messages: call.responses, code: .internalError))
        }
    }

    /// A call of any kind. Leaving `body` before the call has ended cancels it.
    ///
    /// - Throws: what `body` throws; `RPCError`.
    public func withCall<Q: Message, A: Message, R>(
        _ method: RPCMethod,
        sending: Q.Type,
        returning: A.Type,
        options: RPCCallOptions = .init(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (RPCTypedCall<Q, A>) async throws -> R
    ) async throws -> R {
        try await withCall(method, options: options) { call in
            try await body(RPCTypedCall(call: call))
        }
    }
}

/// A call whose requests are `Q` and whose responses are `A`.
public struct RPCTypedCall<Q: Message, A: Message>: Sendable {
    /// The call in bytes.
    public let call: RPCClientCall

    /// Sends a request; suspends while the peer reads slower than we write.
    public func send(_ request: Q) async throws {
        try await call.send(request.encoded())
    }

    /// Says that no further request will come.
    public func finishSending() {
        call.finishSending()
    }

    /// The responses, to be read once.
    public var responses: RPCResponses<A> { RPCResponses(messages: call.responses, code: .internalError) }

    /// The one response of a client-streaming method.
    ///
    /// - Throws: `RPCError`; `internalError` if there is none.
    public func response() async throws -> A {
        var answer: A?
        for try await response in responses { answer = response }
        guard let answer else { throw RPCError(.internalError, "the call ended with OK and without a response") }
        return answer
    }
}
