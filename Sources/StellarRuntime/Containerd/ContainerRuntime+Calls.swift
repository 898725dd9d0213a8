import FoundationEssentials
package import StellarRPC
import StellarRPCProtobuf
package import SwiftProtobuf

extension ContainerRuntime {
    /// For calls that only read containerd's database: it is a local file, so more is a containerd that hangs.
    package static let quickTimeout = Duration.seconds(10)
    /// For calls that start processes or write file systems, on a machine that is busy with many of them.
    package static let slowTimeout = Duration.seconds(120)

    /// Options of a call in this namespace.
    ///
    /// - Parameter timeout: the deadline, from now; nil for a call that lasts.
    package func options(timeout: Duration? = ContainerRuntime.quickTimeout) -> RPCCallOptions {
        RPCCallOptions(metadata: ["containerd-namespace": namespace], timeout: timeout)
    }

    /// One unary call in this namespace.
    ///
    /// - Parameters:
    ///   - thing: what the call is about, for the error text: `container "example.redis.0"`.
    /// - Throws: `RPCError` as explained by ``explained(_:about:)``.
    package func call<Question: Message, Answer: Message>(
        _ method: RPCMethod,
        _ question: Question,
        returning: Answer.Type = Answer.self,
        timeout: Duration? = ContainerRuntime.quickTimeout,
        naming thing: @autoclosure () -> String
    ) async throws -> Answer {
        do {
            return try await client.unary(method, question, returning: Answer.self, options: options(timeout: timeout))
        } catch {
            throw explained(error, about: thing())
        }
    }

    /// An error in words for a user: what containerd was asked about comes first, and an unreachable containerd is
    /// named by its socket, with what to do.
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
                "\(thing): containerd at \(address) lacks a part: \(error.message); 'ctr plugins ls' says which did not "
                    + "load, and disabled_plugins in its configuration which shall not"
            )
        case .deadlineExceeded,
            .unknown where Self.isDeadline(error):
            return RPCError(.deadlineExceeded, "\(thing): containerd at \(address) did not answer in time")
        default:
            // containerd's text often begins with what we would say.
            let text = error.message.contains(thing) ? error.message : "\(thing): \(error.message)"
            return RPCError(error.code, text, metadata: error.metadata)
        }
    }

    /// Whether a deadline passed. containerd sees it too, a moment before or after us, and a shim's answer to it arrives
    /// without its code: as unknown, in Go's words.
    static func isDeadline(_ error: RPCError) -> Bool {
        error.code == .deadlineExceeded || error.message.contains("context deadline exceeded")
    }

    private func unreachable(_ reason: String) -> String {
        if FileManager.default.fileExists(atPath: address) {
            "containerd at \(address) does not answer: \(reason)"
        } else {
            "containerd is not running at \(address): there is no such socket; start containerd, or name its socket "
                + "with --containerd-addr"
        }
    }
}

/// What `body` returns; nil where what it asks about is not there.
func ifPresent<Answer>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Answer
) async throws -> Answer? {
    do { return try await body() } catch  where says(error, .notFound) { return nil }
}

/// Whether an error says this.
func says(_ error: any Error, _ code: RPCCode) -> Bool {
    (error as? RPCError)?.code == code
}
