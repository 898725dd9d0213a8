import FoundationEssentials
import StellarRPC
import StellarRPCProtobuf

/// Writes one object into the content store: as a stream, taken up where an earlier write stopped, and checked against
/// its digest here as well as in containerd.
struct Ingest: Sendable {
    enum Outcome: Sendable, Hashable {
        /// The store had it already.
        case existed
        case written
    }

    /// Hands the bytes from an offset on to a sink, in order.
    typealias Source = (_ offset: Int64, _ sink: (Data) async throws -> Void) async throws -> Void

    let store: ContentStore
    let descriptor: Descriptor
    /// What the write is called, as containerd's own clients call it, so that theirs and ours wait for each other:
    /// `layer-sha256:…`.
    let reference: String
    let labels: [String: String]
    /// For messages: `layer … of image …`.
    let name: String

    /// Writes that containerd has not yet confirmed. Two keep it busy; with a message of at most a quarter of a megabyte
    /// each they are all the memory that a layer takes here.
    private static let unconfirmed = 2
    /// How often another write of the same object is asked for: first soon, then twice a second.
    private static let firstPoll = Duration.milliseconds(20)
    private static let lastPoll = Duration.milliseconds(500)
    /// A write of another client that has not grown for this long is stuck.
    private static let stuckAfter = Duration.seconds(120)
    /// Times that a write whose half-written file another client took away is begun again.
    private static let restarts = 2

    /// Writes what `source` gives. On failure nothing half-written stays behind.
    ///
    /// - Parameters:
    ///   - waiting: called when another pull writes the same object.
    ///   - progress: called with the number of bytes that are there.
    func write(
        from source: Source,
        waiting: @Sendable () -> Void = {},
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Outcome {
        var restarts = 0
        var line = Line()
        while true {
            do {
                return try await attempt(source, progress)
            } catch Failure.exists {
                return .existed
            } catch Failure.locked {
                waiting()
                try await wait(in: &line)
            } catch Failure.lost where restarts < Self.restarts {
                restarts += 1
            } catch {
                let (store, reference) = (store, reference)
                await shielded { await store.abort(reference) }
                throw (error as? Failure).map { explain($0) } ?? error
            }
        }
    }

    private enum Failure: Error {
        case exists
        /// Another client is writing it.
        case locked
        /// The half-written file is gone.
        case lost(RPCError)
    }

    private func explain(_ failure: Failure) -> any Error {
        guard case .lost(let error) = failure else { return failure }
        return store.runtime.explained(error, about: name)
    }

    private func attempt(_ source: Source, _ progress: @escaping @Sendable (Int64) -> Void) async throws -> Outcome {
        do {
            return try await store.runtime.client.withCall(
                ContentMethod.write,
                sending: ContainerdContentWriteContentRequest.self,
                returning: ContainerdContentWriteContentResponse.self,
                options: store.options(timeout: nil)
            ) { call in
                try await exchange(call, source, progress)
            }
        } catch let error as RPCError {
            switch error.code {
            case .alreadyExists: throw Failure.exists
            case .unavailable where error.message.contains("locked"): throw Failure.locked
            case .notFound: throw Failure.lost(error)
            case .failedPrecondition where error.message.contains("unexpected commit"):
                throw ImageError(.corrupt, "\(name) is corrupt: \(error.message)")
            default: throw store.runtime.explained(error, about: name)
            }
        }
    }

    private func exchange(
        _ call: RPCTypedCall<ContainerdContentWriteContentRequest, ContainerdContentWriteContentResponse>,
        _ source: Source,
        _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> Outcome {
        var answers = call.responses.makeAsyncIterator()
        var request = ContainerdContentWriteContentRequest()
        request.action = .stat
        request.ref = reference
        request.total = descriptor.size
        request.expected = descriptor.digest.description
        try await call.send(request)
        let start = try await answers.next()?.offset ?? 0
        var position = start
        if position > 0 { progress(position) }

        var hasher = ContentHasher(descriptor.digest.algorithm)
        var unconfirmed = 0
        try await source(start) { chunk in
            hasher.update(chunk)
            var request = ContainerdContentWriteContentRequest()
            request.action = .write
            request.offset = position
            request.data = chunk
            try await call.send(request)
            position += Int64(chunk.count)
            unconfirmed += 1
            if unconfirmed > Self.unconfirmed {
                _ = try await answers.next()
                unconfirmed -= 1
            }
            progress(position)
        }
        while unconfirmed > 0 {
            _ = try await answers.next()
            unconfirmed -= 1
        }
        // The digest of a write that was taken up is known to containerd alone, which checks it below.
        let digest = hasher.finish()
        if start == 0, digest != descriptor.digest {
            throw ImageError(
                .corrupt,
                "\(name) is corrupt: expected \(descriptor.digest), got \(digest) (\(position) bytes)"
            )
        }
        request.action = .commit
        request.offset = position
        request.labels = labels
        try await call.send(request)
        call.finishSending()
        while try await answers.next() != nil {}
        return .written
    }

    /// The wait for another client's write of the same object, try after try.
    private struct Line {
        var pause = Ingest.firstPoll
        var offset = Int64(-1)
        var since = ContinuousClock.now
    }

    /// Waits a moment, longer each time.
    private func wait(in line: inout Line) async throws {
        let offset = try await store.status(reference)?.offset ?? -1
        if offset != line.offset { (line.offset, line.since) = (offset, .now) }
        guard ContinuousClock.now - line.since < Self.stuckAfter else {
            throw ImageError(
                .unavailable,
                "\(name): another client holds '\(reference)' in containerd and has made no progress for "
                    + "\(Self.stuckAfter); end it, or restart containerd"
            )
        }
        try await Task.sleep(for: line.pause)
        line.pause = min(line.pause * 2, Self.lastPoll)
    }
}
