import FoundationEssentials
package import StellarRPC
import StellarRPCProtobuf
package import SwiftProtobuf

extension ContainerRuntime {
    /// For calls that only read containerd's database. It is a local file: a slower containerd hangs.
    package static let quickTimeout = Duration.seconds(10)
    /// For calls that start processes or write file systems, on a busy machine.
    package static let slowTimeout = Duration.seconds(120)

    /// Options of a call in this namespace.
    ///
    /// - Parameter timeout: the deadline, from now; nil for none.
    package func options(timeout: Duration? = ContainerRuntime.quickTimeout) -> RPCCallOptions {
        RPCCallOptions(metadata: ["containerd-namespace": namespace], timeout: timeout)
    }

    /// One unary call in this namespace.
    ///
    /// - Parameters:
    ///   - thing: what the call is about, for the error text: `container "example.redis.0"`.
    /// - Throws: `RPCError` as explained by ``explained(_:about:)``.
    package func call<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ request: Request,
        returning: Response.Type = Response.self,
        timeout: Duration? = ContainerRuntime.quickTimeout,
        naming thing: @autoclosure () -> String
    ) async throws -> Response {
        do {
            return try await client.unary(method, request, returning: Response.self, options: options(timeout: timeout))
        } catch {
            throw explained(error, about: thing())
        }
    }

    /// The error as a user sees it: it starts with the object of the call, names the socket of an unreachable
    /// containerd, and says what to do.
    package func explained(_ error: any Error, about thing: String) -> RPCError {
        guard let error = error as? RPCError else { return RPCError(.unknown, "\(thing): \(error)") }
        switch error.code {
        case .unavailable:
            return RPCError(.unavailable, unreachable(error.message))
        case .cancelled:
            return error
        case .unimplemented:
            return RPCError(
                .unimplemented,
                "\(thing): containerd at \(address) lacks a part: \(error.message); 'ctr plugins ls' lists "
                    + "plugins that did not load; disabled_plugins in containerd's configuration switches plugins off"
            )
        case .deadlineExceeded,
            .unknown where Self.isDeadline(error):
            return RPCError(.deadlineExceeded, "\(thing): containerd at \(address) did not answer in time")
        default:
            // containerd's text often names the object already.
            let text = error.message.contains(thing) ? error.message : "\(thing): \(error.message)"
            return RPCError(error.code, text, metadata: error.metadata)
        }
    }

    /// Whether a deadline passed. containerd notices it too, a moment before or after this process, and passes a shim's
    /// error on without its code: as unknown, with Go's text.
    static func isDeadline(_ error: RPCError) -> Bool {
        error.code == .deadlineExceeded || error.message.contains("context deadline exceeded")
    }

    private func unreachable(_ reason: String) -> String {
        if FileManager.default.fileExists(atPath: address) {
            "containerd at \(address) does not answer: \(reason)"
        } else {
            "containerd is not running at \(address): the socket does not exist; start containerd, or give its socket "
                + "with --containerd-addr"
        }
    }
}

/// The result of `body`; nil where its object does not exist.
func ifPresent<Response>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Response
) async throws -> Response? {
    do { return try await body() } catch  where says(error, .notFound) { return nil }
}

/// Whether an error is an `RPCError` with this code.
func says(_ error: any Error, _ code: RPCCode) -> Bool {
    (error as? RPCError)?.code == code
}
