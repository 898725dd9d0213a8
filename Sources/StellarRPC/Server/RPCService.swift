public import NIOCore

/// A gRPC service: a name and its methods.
public struct RPCService: Sendable {
    /// With its package, such as `stellar.services.version.v1.Version`.
    public let name: String
    public let methods: [RPCMethodHandler]
    /// Decides who may call the methods; nil allows every caller.
    public let authorizer: (any RPCAuthorizer)?

    public init(name: String, methods: [RPCMethodHandler], authorizer: (any RPCAuthorizer)? = nil) {
        self.name = name
        self.methods = methods
        self.authorizer = authorizer
    }

    /// The same service with another authorizer.
    public func authorized(by authorizer: any RPCAuthorizer) -> RPCService {
        RPCService(name: name, methods: methods, authorizer: authorizer)
    }
}

/// One method of a service, with the code that serves it.
///
/// An `RPCError` that the handler throws is the status of the call; any other error is `unknown` with its description. The
/// handler's task is cancelled with the call, and when the deadline passes.
public struct RPCMethodHandler: Sendable {
    package enum Body: Sendable {
        case unary(@Sendable (ByteBuffer, RPCServerCall) async throws -> ByteBuffer)
        case serverStreaming(@Sendable (ByteBuffer, RPCServerCall) async throws -> Void)
        case streaming(@Sendable (RPCServerCall) async throws -> Void)
    }

    /// The bare name, such as `Create`.
    public let name: String
    package let body: Body

    /// Whether the handler starts when its one request is complete.
    var collectsRequest: Bool {
        switch body {
        case .unary, .serverStreaming: true
        case .streaming: false
        }
    }

    /// Whether the handler returns its one response instead of sending responses.
    var returnsResponse: Bool {
        if case .unary = body { true } else { false }
    }

    private init(name: String, body: Body) {
        self.name = name
        self.body = body
    }

    /// One request, one response.
    public static func unary(
        bytes name: String,
        _ body: @escaping @Sendable (ByteBuffer, RPCServerCall) async throws -> ByteBuffer
    ) -> RPCMethodHandler {
        RPCMethodHandler(name: name, body: .unary(body))
    }

    /// One request; responses through `RPCServerCall.send`.
    public static func serverStreaming(
        bytes name: String,
        _ body: @escaping @Sendable (ByteBuffer, RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        RPCMethodHandler(name: name, body: .serverStreaming(body))
    }

    /// Requests from `RPCServerCall.requests`, responses through `RPCServerCall.send`, in any order.
    public static func streaming(
        bytes name: String,
        _ body: @escaping @Sendable (RPCServerCall) async throws -> Void
    ) -> RPCMethodHandler {
        RPCMethodHandler(name: name, body: .streaming(body))
    }
}
