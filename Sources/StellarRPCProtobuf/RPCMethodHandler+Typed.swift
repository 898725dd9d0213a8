public import StellarRPC
public import SwiftProtobuf

extension RPCMethodHandler {
    /// One request, one response.
    public static func unary<Q: Message, A: Message>(
        _ name: String,
        _ body: @escaping @Sendable (Q, RPCServerCall) async throws -> A
    ) -> RPCMethodHandler {
        .unary(bytes: name) { bytes, call in
            try await body(Q(encoded: bytes, failing: .invalidArgument), call).encoded()
        }
    }

    /// One request, many responses.
    public static func serverStreaming<Q: Message, A: Message>(
        _ name: String,
        _ body: @escaping @Sendable (Q, RPCResponseWriter<A>, RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        .serverStreaming(bytes: name) { bytes, call in
            try await body(Q(encoded: bytes, failing: .invalidArgument), RPCResponseWriter(call: call), call)
        }
    }

    /// Many requests, one response.
    public static func clientStreaming<Q: Message, A: Message>(
        _ name: String,
        _ body: @escaping @Sendable (RPCRequests<Q>, RPCServerCall) async throws -> A
    ) -> RPCMethodHandler {
        .streaming(bytes: name) { call in
            let answer = try await body(RPCRequests(messages: call.requests, code: .invalidArgument), call)
            try await call.send(answer.encoded())
        }
    }

    /// Many requests, many responses, in any order.
    public static func bidirectional<Q: Message, A: Message>(
        _ name: String,
        _ body: @escaping @Sendable (RPCRequests<Q>, RPCResponseWriter<A>, RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        .streaming(bytes: name) { call in
            let requests = RPCRequests<Q>(messages: call.requests, code: .invalidArgument)
            try await body(requests, RPCResponseWriter(call: call), call)
        }
    }
}

/// Where a streaming handler puts its responses.
public struct RPCResponseWriter<A: Message>: Sendable {
    let call: RPCServerCall

    /// Sends a response; suspends while the client reads slower than we write.
    ///
    /// - Throws: `RPCError` if the call has ended.
    public func send(_ response: A) async throws {
        try await call.send(response.encoded())
    }
}
