import StellarAPI
import StellarRPC
import StellarRPCProtobuf
import StellarTestKit
import SwiftProtobuf
import Synchronization

/// A real server on a unix socket whose services answer what a test wrote down, and remember what they were asked.
final class ScriptedDaemon: Sendable {
    private let received = Mutex<[String]>([])

    /// `Method: request as text`, in the order of arrival.
    var requests: [String] { received.withLock { $0 } }

    func note(_ method: RPCMethod, _ request: some Message) {
        let fields = request.textFormatString().split(separator: "\n")
            .map { $0.drop { $0 == " " } }.joined(separator: " ")
        received.withLock { $0.append(fields.isEmpty ? method.name : "\(method.name): \(fields)") }
    }

    /// A unary method that records its request.
    func unary<Request: Message & Sendable, Response: Message & Sendable>(
        _ method: RPCMethod,
        _ answer: @escaping @Sendable (Request) throws -> Response
    ) -> (RPCMethod, RPCMethodHandler) {
        (
            method,
            .unary(method.name) { (request: Request, _) -> Response in
                self.note(method, request)
                return try answer(request)
            }
        )
    }

    /// A unary method with an empty response.
    func accepts<Request: Message & Sendable>(
        _ method: RPCMethod,
        _ type: Request.Type
    ) -> (RPCMethod, RPCMethodHandler) {
        unary(method) { (_: Request) in Google_Protobuf_Empty() }
    }

    /// A server streaming method that records its request.
    func streaming<Request: Message & Sendable, Response: Message & Sendable>(
        _ method: RPCMethod,
        _ type: Request.Type,
        _ answer: @escaping @Sendable (RPCResponseWriter<Response>) async throws -> Void
    ) -> (RPCMethod, RPCMethodHandler) {
        (
            method,
            .serverStreaming(method.name) { (request: Request, writer: RPCResponseWriter<Response>, _) in
                self.note(method, request)
                try await answer(writer)
            }
        )
    }

    /// Serves the methods while `body` runs; gives it the address as `--addr` takes it.
    static func with(
        _ script: (ScriptedDaemon) -> [(RPCMethod, RPCMethodHandler)],
        _ body: (String, ScriptedDaemon) async throws -> Void
    ) async throws {
        let daemon = ScriptedDaemon()
        let services = Dictionary(grouping: script(daemon), by: \.0.service).map { name, methods in
            RPCService(name: name, methods: methods.map(\.1))
        }
        try await TemporaryDirectory.with { directory in
            let server = RPCServer(services: services)
            let address = try await server.bind(.unix(path: "\(directory)/s"))
            do {
                try await body("\(address)", daemon)
            } catch {
                await server.shutdown(grace: .zero)
                throw error
            }
            await server.shutdown(grace: .zero)
        }
    }
}
