public import StellarRPC
public import SwiftProtobuf

extension RPCMethodHandler {
    /// One request, one response.
    public static func unary<Request: Message, Response: Message>(
        _ name: String,
        _ body: @escaping @Sendable (Request, RPCServerCall) async throws -> Response
    ) -> RPCMethodHandler {
        .unary(bytes: name) { bytes, call in
            try await body(Request(encoded: bytes, failing: .invalidArgument), call).encoded()
        }
    }

    /// One request, many responses.
    public static func serverStreaming<Request: Message, Response: Message>(
        _ name: String,
        _ body: @escaping @Sendable (Request, RPCResponseWriter<Response>, RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        .serverStreaming(bytes: name) { bytes, call in
            try await body(Request(encoded: bytes, failing: .invalidArgument), RPCResponseWriter(call: call), call)
        }
    }

    /// Many requests, one response.
    public static func clientStreaming<Request: Message, Response: Message>(
        _ name: String,
        _ body: @escaping @Sendable (RPCRequests<Request>, RPCServerCall) async throws -> Response
    ) -> RPCMethodHandler {
        .streaming(bytes: name) { call in
            let response = try await body(RPCRequests(messages: call.requests, code: .invalidArgument), call)
            try await call.send(response.encoded())
        }
    }

    /// Many requests, many responses, in any order.
    public static func bidirectional<Request: Message, Response: Message>(
        _ name: String,
        _ body:
            @escaping @Sendable (RPCRequests<Request>, RPCResponseWriter<Response>, RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        .streaming(bytes: name) { call in
            let requests = RPCRequests<Request>(messages: call.requests, code: .invalidArgument)
            try await body(requests, RPCResponseWriter(call: call), call)
        }
    }
}

/// Sends the responses of a streaming handler.
public struct RPCResponseWriter<Response: Message>: Sendable {
    let call: RPCServerCall

    /// Sends a response; suspends while the client reads slower than the handler writes.
    ///
    /// - Throws: `RPCError` if the call has ended.
    public func send(_ response: Response) async throws {
        try await call.send(response.encoded())
    }
}
