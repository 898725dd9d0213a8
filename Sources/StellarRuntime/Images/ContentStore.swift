import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// containerd's content store, within a lease where there is one: what is written or found is not collected as long as
/// the lease lives.
struct ContentStore: Sendable {
    let runtime: ContainerRuntime
    var lease: String?

    /// Options of a call in the namespace and the lease.
    func options(timeout: Duration? = ContainerRuntime.quickTimeout) -> RPCCallOptions {
        var options = runtime.options(timeout: timeout)
        if let lease { options.metadata.add("containerd-lease", lease) }
        return options
    }

    func call<Question: Message, Answer: Message>(
        _ method: RPCMethod,
        _ question: Question,
        returning: Answer.Type = Answer.self,
        timeout: Duration? = ContainerRuntime.quickTimeout,
        naming thing: @autoclosure () -> String
    ) async throws -> Answer {
        do {
            return try await runtime.client.unary(method, question, options: options(timeout: timeout))
        } catch {
            throw runtime.explained(error, about: thing())
        }
    }

    /// Size and labels; nil where the store has no such content.
    func info(_ digest: ContentDigest) async throws -> ContainerdContentInfo? {
        var question = ContainerdContentInfoRequest()
        question.digest = digest.description
        do {
            let answer: ContainerdContentInfoResponse = try await call(
                ContentMethod.info,
                question,
                naming: "content \(digest)"
            )
            return answer.info
        } catch  where says(error, .notFound) {
            return nil
        }
    }

    /// The whole of a small object; nil where the store has it not.
    func read(_ digest: ContentDigest, limit: Int) async throws -> Data? {
        var question = ContainerdContentReadContentRequest()
        question.digest = digest.description
        do {
            return try await runtime.client.serverStreaming(
                ContentMethod.read,
                question,
                returning: ContainerdContentReadContentResponse.self,
                options: options()
            ) { responses in
                var bytes = Data()
                for try await response in responses {
                    bytes.append(response.data)
                    guard bytes.count <= limit else {
                        throw ImageError(.tooLarge, "content \(digest) is larger than \(limit) bytes")
                    }
                }
                return bytes
            }
        } catch  where says(error, .notFound) {
            return nil
        } catch let error as RPCError {
            throw runtime.explained(error, about: "content \(digest)")
        }
    }

    /// Sets labels and leaves all others as they are.
    func setLabels(_ labels: [String: String], on digest: ContentDigest) async throws {
        guard !labels.isEmpty else { return }
        var question = ContainerdContentUpdateRequest()
        question.info.digest = digest.description
        question.info.labels = labels
        question.updateMask.paths = labels.keys.sorted().map { "labels.\($0)" }
        _ = try await call(
            ContentMethod.update,
            question,
            returning: ContainerdContentUpdateResponse.self,
            naming: "labels of content \(digest)"
        )
    }

    /// Notes that content came from a repository, beside others it may have come from.
    func addSource(registry: String, repository: String, to digest: ContentDigest) async throws {
        let key = ContentLabels.source(of: registry)
        let present = try await info(digest)?.labels[key]
        guard let value = ContentLabels.sources(present, adding: repository, key: key) else { return }
        try await setLabels([key: value], on: digest)
    }

    /// Gives up an unfinished write, so that nothing of it stays.
    func abort(_ reference: String) async {
        var question = ContainerdContentAbortRequest()
        question.ref = reference
        do {
            _ = try await call(
                ContentMethod.abort,
                question,
                returning: Google_Protobuf_Empty.self,
                naming: "unfinished content \(reference)"
            )
        } catch  where says(error, .notFound) {
        } catch {
            runtime.logger.warning("\(error); it is collected with its lease")
        }
    }

    /// How far the write that holds `reference` is; nil where there is none.
    func status(_ reference: String) async throws -> ContainerdContentStatus? {
        var question = ContainerdContentStatusRequest()
        question.ref = reference
        do {
            let answer: ContainerdContentStatusResponse = try await call(
                ContentMethod.status,
                question,
                naming: "unfinished content \(reference)"
            )
            return answer.status
        } catch  where says(error, .notFound) {
            return nil
        }
    }
}
