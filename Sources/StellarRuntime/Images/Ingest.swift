import FoundationEssentials
import StellarRPC
import StellarRPCProtobuf
import StellarSystem

/// Writes one object into the content store: as a stream that resumes where an earlier write stopped. containerd
/// computes the digest and rejects content that does not match its name.
struct Ingest: Sendable {
    enum Outcome: Sendable, Hashable {
        /// The store had it already.
        case existed
        case written
    }

    /// Passes the bytes from an offset on to a sink, in order.
    typealias Source = (_ offset: Int64, _ sink: (Data) async throws -> Void) async throws -> Void

    let store: ContentStore
    let descriptor: Descriptor
    /// The name of the write, `layer-sha256:…`, as containerd's own clients name it, so that concurrent writes of one
    /// object wait for each other.
    let reference: String
    let labels: [String: String]
    /// For messages: `layer … of image …`.
    let name: String

    /// Writes in flight that containerd has not acknowledged. Two keep it busy, and limit a layer's memory here to two
    /// messages of at most 256 KiB.
    private static let unconfirmed = 2
    /// How often another client's write of the same object is polled: soon at first, then twice a second.
    private static let firstPoll = Duration.milliseconds(20)
    private static let lastPoll = Duration.milliseconds(500)
    /// After this many polls without growth the other client may have abandoned its write: try to take it over.
    private static let patience = 4
    /// Another client's write without growth for this long is stuck.
    private static let stuckAfter = Duration.seconds(120)
    /// Restarts of a write whose partial file another client removed.
    private static let restarts = 2

    /// Writes the bytes of `source`. A failure leaves no partial content.
    ///
    /// Writes of one object by this process take turns before they reach containerd, so that the end of one does not
    /// disturb another.
    ///
    /// - Parameters:
    ///   - waiting: called when another pull writes the same object.
    ///   - progress: called with the number of bytes written.
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
        /// The partial file does not exist any more.
        case lost(RPCError)
        /// The partial content that was resumed is wrong.
        case spoilt(ImageError)
    }

    /// Removes the partial content.
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
        var responses = call.responses.makeAsyncIterator()
        var request = ContainerdContentWriteContentRequest()
        request.action = .stat
        request.ref = reference
        request.total = descriptor.size
        request.expected = descriptor.digest.description
        try await call.send(request)
        start = try await responses.next()?.offset ?? 0
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
                _ = try await responses.next()
                unconfirmed -= 1
            }
            progress(position)
        }
        while unconfirmed > 0 {
            _ = try await responses.next()
            unconfirmed -= 1
        }
        request.action = .commit
        request.offset = position
        request.labels = labels
        try await call.send(request)
        call.finishSending()
        while try await responses.next() != nil {}
        return .written
    }

    /// containerd's "unexpected commit digest A, expected B: …", in this project's form.
    static func mismatch(_ message: String) -> String {
        let digests = message.split { " ,".contains($0) }.compactMap { word in
            ContentDigest(word.hasSuffix(":") ? word.dropLast() : word)
        }
        guard digests.count == 2 else { return message }
        return "expected \(digests[1]), got \(digests[0])"
    }

    /// The last known progress of another client's write of the same object.
    private struct Line {
        var offset = Int64(-1)
        var since = ContinuousClock.now
    }

    /// Waits until another client's write ends, or stops growing and may be abandoned.
    ///
    /// It only reads the status: an attempt to open a write that another client holds locks containerd's database, and
    /// with it all other writes, for half a second.
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
