import Dispatch
package import FoundationEssentials
import Synchronization

/// One exchange between the thread that receives it and the task that reads it.
///
/// The receiving thread has backpressure: it blocks while ``limit`` bytes are unread, the socket fills, and TCP slows
/// the server down. So a layer of any size takes the same memory.
package final class HTTPTransfer: Sendable {
    /// The most unread bytes. Two full chunks: one is passed on while the next one arrives.
    static let limit = 512 << 10
    /// While the reader is busy, small reads are joined up to this size, so that a fast network gives few, large
    /// chunks.
    static let chunkSize = 256 << 10
    /// The most bytes of a response's headers; servers themselves limit them to 8 to 64 KiB.
    static let maximumHeaderBytes = 128 << 10

    fileprivate struct State {
        var head: HTTPHead?
        var headComplete = false
        var headerBytes = 0
        var chunks: [Data] = []
        var waiting = 0
        var outcome: Result<Void, any Error>?
        /// Something changed since the reader's last check.
        var changed = false
        var reader: CheckedContinuation<Void, Never>?
        var receiverWaits = false
    }

    private let state = Mutex(State())
    private let room = DispatchSemaphore(value: 0)

    // MARK: The receiving thread

    var isOver: Bool { state.withLock { $0.outcome != nil } }

    /// Takes one header line, with its line end. Skips interim responses (1xx).
    func receive(headerLine line: String) -> Bool {
        let (proceed, reader) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard state.outcome == nil else { return (false, nil) }
            state.headerBytes += line.utf8.count
            guard state.headerBytes <= Self.maximumHeaderBytes else {
                state.outcome = .failure(HTTPFailure(.tooLarge, "the response's headers are larger than 128 KiB"))
                return (false, state.wake())
            }
            // Trailers come after the head; they are ignored.
            guard !state.headComplete else { return (true, nil) }
            let text = String(line.prefix { !$0.isNewline })
            if text.hasPrefix("HTTP/") {
                let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                state.head = HTTPHead(status: status)
            } else if text.isEmpty {
                guard let head = state.head, head.status >= 200 else { return (true, nil) }
                state.headComplete = true
                return (true, state.wake())
            } else if let colon = text.firstIndex(of: ":") {
                let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
                state.head?.headers.append(HTTPHeader(String(text[..<colon]), String(value)))
            }
            return (true, nil)
        }
        reader?.resume()
        return proceed
    }

    /// Takes bytes of the body; blocks while too many are unread.
    ///
    /// - Returns: false if there is no reader any more.
    func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
        while true {
            enum Step {
                case wait
                case stop
                case taken(CheckedContinuation<Void, Never>?)
            }
            let step = state.withLock { state -> Step in
                guard state.outcome == nil else { return .stop }
                guard state.waiting < Self.limit else {
                    state.receiverWaits = true
                    return .wait
                }
                state.waiting += bytes.count
                if let last = state.chunks.indices.last, state.chunks[last].count + bytes.count <= Self.chunkSize {
                    state.chunks[last].append(contentsOf: bytes)
                } else {
                    var chunk = Data(capacity: Self.chunkSize)
                    chunk.append(contentsOf: bytes)
                    state.chunks.append(chunk)
                }
                return .taken(state.wake())
            }
            switch step {
            case .wait: room.wait()
            case .stop: return false
            case .taken(let reader):
                reader?.resume()
                return true
            }
        }
    }

    /// Ends the exchange, with success or failure; the first call counts.
    func finish(_ outcome: Result<Void, any Error>) {
        let (reader, waits) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            guard state.outcome == nil else { return (nil, false) }
            state.outcome = outcome
            let waits = state.receiverWaits
            state.receiverWaits = false
            return (state.wake(), waits)
        }
        if waits { room.signal() }
        reader?.resume()
    }

    // MARK: The reading task

    /// Status and headers, once they have arrived.
    func head() async throws -> HTTPHead {
        try await look { state -> Result<HTTPHead, any Error>? in
            if state.headComplete, let head = state.head { return .success(head) }
            switch state.outcome {
            case nil: return nil
            case .failure(let error): return .failure(error)
            case .success: return .failure(HTTPFailure(.broken, "the server closed the connection without a response"))
            }
        }.get()
    }

    /// The next bytes of the body; nil at its end.
    ///
    /// - Parameter idle: called before a wait for bytes.
    package func next(idle: () -> Void = {}) async throws -> Data? {
        let (result, waits) = await look(idle) { state -> (Result<Data?, any Error>, Bool)? in
            if case .failure(let error as CancellationError) = state.outcome { return (.failure(error), false) }
            if !state.chunks.isEmpty {
                let chunk = state.chunks.removeFirst()
                state.waiting -= chunk.count
                let waits = state.receiverWaits
                state.receiverWaits = false
                return (.success(chunk), waits)
            }
            switch state.outcome {
            case nil: return nil
            case .failure(let error): return (.failure(error), false)
            case .success: return (.success(nil), false)
            }
        }
        if waits { room.signal() }
        return try result.get()
    }

    private func look<T>(_ idle: () -> Void = {}, _ take: (inout sending State) -> T?) async -> sending T {
        while true {
            let taken = state.withLock { state -> T? in
                state.changed = false
                return take(&state)
            }
            if let taken { return taken }
            idle()
            await withCheckedContinuation { continuation in
                let changed = state.withLock { state -> Bool in
                    if !state.changed { state.reader = continuation }
                    return state.changed
                }
                if changed { continuation.resume() }
            }
        }
    }
}

extension HTTPTransfer.State {
    /// Marks a change and returns the waiting reader, to be resumed outside of the lock.
    fileprivate mutating func wake() -> CheckedContinuation<Void, Never>? {
        changed = true
        defer { reader = nil }
        return reader
    }
}
