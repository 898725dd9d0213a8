import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

extension RPCMethodHandler {
    /// A unary method whose errors, of any part of the daemon, become the status of the call.
    static func unary<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Request, Caller) async throws -> Response
    ) -> RPCMethodHandler {
        .unary(method.name) { (request: Request, call: RPCServerCall) async throws -> Response in
            do {
                return try await body(request, call.caller)
            } catch {
                throw RPCError(of: error)
            }
        }
    }

    /// The same for a method that responds with `Empty`.
    static func unary<Request: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Request, Caller) async throws -> Void
    ) -> RPCMethodHandler {
        unary(method) { (request: Request, caller: Caller) async throws -> Google_Protobuf_Empty in
            try await body(request, caller)
            return Google_Protobuf_Empty()
        }
    }
}
