import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

extension RPCMethodHandler {
    /// A unary method whose errors, of whatever part of the daemon, become the answer's status.
    static func answering<Question: Message, Answer: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Question) async throws -> Answer
    ) -> RPCMethodHandler {
        .unary(method.name) { (question: Question, _: RPCServerCall) async throws -> Answer in
            do {
                return try await body(question)
            } catch {
                throw RPCError(of: error)
            }
        }
    }

    /// The same for a method that answers with `Empty`.
    static func acting<Question: Message>(
        _ method: RPCMethod,
        _ body: @escaping @Sendable (Question) async throws -> Void
    ) -> RPCMethodHandler {
        answering(method) { (question: Question) -> Google_Protobuf_Empty in
            try await body(question)
            return Google_Protobuf_Empty()
        }
    }
}
