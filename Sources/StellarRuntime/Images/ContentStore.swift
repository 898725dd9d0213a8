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
                options: options(timeout: ContainerRuntime.slowTimeout)
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
    ///
    /// - Returns: the content's size in bytes; nil where it is gone.
    func addSource(registry: String, repository: String, to digest: ContentDigest) async throws -> Int64? {
        let key = ContentLabels.source(of: registry)
        guard let present = try await info(digest) else { return nil }
        if let value = ContentLabels.sources(present.labels[key], adding: repository, key: key) {
            try await setLabels([key: value], on: digest)
        }
        return present.size
    }

    /// Puts a snapshot under the lease, whoever made it.
    ///
    /// - Returns: false where there is no lease.
    func hold(snapshot key: ContentDigest, of snapshotter: String) async throws -> Bool {
        guard let lease else { return false }
        var question = ContainerdLeasesAddResourceRequest()
        question.id = lease
        question.resource.id = key.description
        question.resource.type = "snapshots/\(snapshotter)"
        _ = try await call(
            LeasesMethod.addResource,
            question,
            returning: Google_Protobuf_Empty.self,
            naming: "snapshot \(key)"
        )
        return true
    }

    /// Tries of an abort, and the wait before the second; it doubles with each further one, to seven seconds in all.
    private static let abortTries = 10
    private static let abortPause = Duration.milliseconds(15)

    /// Gives up an unfinished write whose stream has ended, so that nothing of it stays.
    ///
    /// containerd closes the write's file some time after it has seen the end of the stream, and writes another beside
    /// it then. An abort that comes at this moment fails ("directory not empty"), and is tried again.
    func abort(_ reference: String) async {
        var question = ContainerdContentAbortRequest()
        question.ref = reference
        var pause = Self.abortPause
        for attempt in 1...Self.abortTries {
            do {
                _ = try await call(
                    ContentMethod.abort,
                    question,
                    returning: Google_Protobuf_Empty.self,
                    naming: "unfinished content \(reference)"
                )
                return
            } catch  where says(error, .notFound) {
                return
            } catch {
                let isOver = says(error, .unavailable) || says(error, .deadlineExceeded) || attempt == Self.abortTries
                if isOver {
                    runtime.logger.warning("\(error); it is collected with its lease")
                    return
                }
            }
            try? await Task.sleep(for: pause)
            pause *= 2
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
