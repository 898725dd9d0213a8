import FoundationEssentials
import StellarRPC
import StellarRPCProtobuf
import StellarSystem

/// Writes one object into the content store: as a stream, taken up where an earlier write stopped. containerd works out
/// the digest of what it gets, and keeps nothing that is not what it is called.
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
    /// How often another client's write of the same object is looked at: first soon, then twice a second.
    private static let firstPoll = Duration.milliseconds(20)
    private static let lastPoll = Duration.milliseconds(500)
    /// A write of another client that has not grown for so many looks may have been left by it: it is asked for again.
    private static let patience = 4
    /// A write that another client holds and that has not grown for this long is stuck.
    private static let stuckAfter = Duration.seconds(120)
    /// Times that a write whose half-written file another client took away is begun again.
    private static let restarts = 2

    /// Writes what `source` gives. On failure nothing half-written stays behind.
    ///
    /// Writes of one object by this process take turns before they reach containerd, so that none is disturbed by the
    /// end of another.
    ///
    /// - Parameters:
    ///   - waiting: called when another pull writes the same object.
    ///   - progress: called with the number of bytes that are there.
    func write(
        from source: Source,
        waiting: @Sendable () -> Void = {},
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Outcome {
        try await store.runtime.writing.withLock(reference, waiting: waiting) {
            try await turn(source, waiting, progress)
        }
    }

    private func turn(
        _ source: Source,
        _ waiting: () -> Void,
        _ progress: @escaping @Sendable (Int64) -> Void
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
            } catch Failure.spoilt where restarts < Self.restarts {
                restarts += 1
                await giveUp()
            } catch {
                await giveUp()
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
        /// What was there before, and was taken up, is not what it should be.
        case spoilt(ImageError)
    }

    /// Takes away what is half written.
    private func giveUp() async {
        let (store, reference) = (store, reference)
        await shielded { await store.abort(reference) }
    }

    private func explain(_ failure: Failure) -> any Error {
        switch failure {
        case .lost(let error): store.runtime.explained(error, about: name)
        case .spoilt(let error): error
        case .exists, .locked: failure
        }
    }

    private func attempt(_ source: Source, _ progress: @escaping @Sendable (Int64) -> Void) async throws -> Outcome {
        var start = Int64(0)
        do {
            return try await store.runtime.client.withCall(
                ContentMethod.write,
                sending: ContainerdContentWriteContentRequest.self,
                returning: ContainerdContentWriteContentResponse.self,
                options: store.options(timeout: nil)
            ) { call in
                try await exchange(call, source, progress, &start)
            }
        } catch let error as RPCError {
            switch error.code {
            case .alreadyExists: throw Failure.exists
            case .unavailable where error.message.contains("locked"): throw Failure.locked
            case .notFound: throw Failure.lost(error)
            case .unknown where error.message.contains("no such file"): throw Failure.lost(error)
            case .failedPrecondition where error.message.contains("unexpected commit"):
                let corrupt = ImageError(.corrupt, "\(name) is corrupt: \(Self.mismatch(error.message))")
                throw start > 0 ? Failure.spoilt(corrupt) : corrupt
            default: throw store.runtime.explained(error, about: name)
            }
        }
    }

    private func exchange(
        _ call: RPCTypedCall<ContainerdContentWriteContentRequest, ContainerdContentWriteContentResponse>,
        _ source: Source,
        _ progress: @escaping @Sendable (Int64) -> Void,
        _ start: inout Int64
    ) async throws -> Outcome {
        var answers = call.responses.makeAsyncIterator()
        var request = ContainerdContentWriteContentRequest()
        request.action = .stat
        request.ref = reference
        request.total = descriptor.size
        request.expected = descriptor.digest.description
        try await call.send(request)
        start = try await answers.next()?.offset ?? 0
        var position = start
        if position > 0 { progress(position) }

        var unconfirmed = 0
        try await source(start) { chunk in
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
        request.action = .commit
        request.offset = position
        request.labels = labels
        try await call.send(request)
        call.finishSending()
        while try await answers.next() != nil {}
        return .written
    }

    /// containerd's "unexpected commit digest A, expected B: …", in the words used elsewhere.
    static func mismatch(_ message: String) -> String {
        let digests = message.split { " ,".contains($0) }.compactMap { word in
            ContentDigest(word.hasSuffix(":") ? word.dropLast() : word)
        }
        guard digests.count == 2 else { return message }
        return "expected \(digests[1]), got \(digests[0])"
    }

    /// What was last seen of another client's write of the same object.
    private struct Line {
        var offset = Int64(-1)
        var since = ContinuousClock.now
    }

    /// Waits until another client's write has ended, or stands still and may have been left.
    ///
    /// Meanwhile it is only looked at: who asks containerd for a write that another holds keeps its database locked for
    /// half a second, and with it everybody else's writes.
    private func wait(in line: inout Line) async throws {
        var pause = Self.firstPoll
        var looks = 0
        repeat {
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.lastPoll)
            guard let offset = try await store.status(reference)?.offset else { return }
            if offset != line.offset { (line.offset, line.since, looks) = (offset, .now, 0) }
            guard ContinuousClock.now - line.since < Self.stuckAfter else {
                throw ImageError(
                    .unavailable,
                    "\(name): another client holds '\(reference)' in containerd and has made no progress for "
                        + "\(Self.stuckAfter); end it, or restart containerd"
                )
            }
            looks += 1
        } while looks < Self.patience
    }
}
