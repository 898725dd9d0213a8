import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// containerd's content store, optionally under a lease: the garbage collector keeps written and found content while
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

    func call<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ request: Request,
        returning: Response.Type = Response.self,
        timeout: Duration? = ContainerRuntime.quickTimeout,
        naming thing: @autoclosure () -> String
    ) async throws -> Response {
        do {
            return try await runtime.client.unary(method, request, options: options(timeout: timeout))
        } catch {
            throw runtime.explained(error, about: thing())
        }
    }

    /// Size and labels; nil if the store does not have the content.
    func info(_ digest: ContentDigest) async throws -> ContainerdContentInfo? {
        var request = ContainerdContentInfoRequest()
        request.digest = digest.description
        do {
            let response: ContainerdContentInfoResponse = try await call(
                ContentMethod.info,
                request,
                naming: "content \(digest)"
            )
            return response.info
        } catch  where says(error, .notFound) {
            return nil
        }
    }

    /// All bytes of a small object; nil if the store does not have it.
    func read(_ digest: ContentDigest, limit: Int) async throws -> Data? {
        var request = ContainerdContentReadContentRequest()
        request.digest = digest.description
        do {
            return try await runtime.client.serverStreaming(
                ContentMethod.read,
                request,
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

    /// Sets labels; other labels stay.
    func setLabels(_ labels: [String: String], on digest: ContentDigest) async throws {
        guard !labels.isEmpty else { return }
        var request = ContainerdContentUpdateRequest()
        request.info.digest = digest.description
        request.info.labels = labels
        request.updateMask.paths = labels.keys.sorted().map { "labels.\($0)" }
        _ = try await call(
            ContentMethod.update,
            request,
            returning: ContainerdContentUpdateResponse.self,
            naming: "labels of content \(digest)"
        )
    }

    /// Adds a repository to the sources of content.
    ///
    /// - Returns: the content's size in bytes; nil if it does not exist.
    func addSource(registry: String, repository: String, to digest: ContentDigest) async throws -> Int64? {
        let key = ContentLabels.source(of: registry)
        guard let present = try await info(digest) else { return nil }
        if let value = ContentLabels.sources(present.labels[key], adding: repository, key: key) {
            try await setLabels([key: value], on: digest)
        }
        return present.size
    }

    /// Puts a snapshot under the lease; any client may have made it.
    ///
    /// - Returns: false if there is no lease.
    func hold(snapshot key: ContentDigest, of snapshotter: String) async throws -> Bool {
        guard let lease else { return false }
        var request = ContainerdLeasesAddResourceRequest()
        request.id = lease
        request.resource.id = key.description
        request.resource.type = "snapshots/\(snapshotter)"
        _ = try await call(
            LeasesMethod.addResource,
            request,
            returning: Google_Protobuf_Empty.self,
            naming: "snapshot \(key)"
        )
        return true
    }

    /// Tries of an abort, and the wait before the second; the wait doubles each time, to seven seconds in all.
    private static let abortTries = 10
    private static let abortPause = Duration.milliseconds(15)

    /// Aborts an unfinished write whose stream has ended, and removes its data.
    ///
    /// containerd closes the write's file some time after the end of the stream, and then writes another file beside
    /// it. An abort at this moment fails ("directory not empty") and is retried.
    func abort(_ reference: String) async {
        var request = ContainerdContentAbortRequest()
        request.ref = reference
        var pause = Self.abortPause
        for attempt in 1...Self.abortTries {
            do {
                _ = try await call(
                    ContentMethod.abort,
                    request,
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

    /// The status of the write that holds `reference`; nil if no write holds it.
    func status(_ reference: String) async throws -> ContainerdContentStatus? {
        var request = ContainerdContentStatusRequest()
        request.ref = reference
        do {
            let response: ContainerdContentStatusResponse = try await call(
                ContentMethod.status,
                request,
                naming: "unfinished content \(reference)"
            )
            return response.status
        } catch  where says(error, .notFound) {
            return nil
        }
    }
}
