import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

extension RPCMethodHandler {
    /// A unary method whose errors, of whatever part of the daemon, become the answer's status.
    static func answering<Question: Message, Answer: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Question, Caller) async throws -> Answer
    ) -> RPCMethodHandler {
        .unary(method.name) { (question: Question, call: RPCServerCall) async throws -> Answer in
            do {
                return try await body(question, call.caller)
            } catch {
                throw RPCError(of: error)
            }
        }
    }

    /// The same for a method that answers with `Empty`.
    static func acting<Question: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Question, Caller) async throws -> Void
    ) -> RPCMethodHandler {
        answering(method) { (question: Question, caller: Caller) -> Google_Protobuf_Empty in
            try await body(question, caller)
            return Google_Protobuf_Empty()
        }
    }
}
