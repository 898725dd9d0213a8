import DequeModule
package import NIOCore
import Synchronization

/// The messages between the event loop and the task that reads them, with their flow-control credit.
///
/// Credit returns to the peer when a message is read, and at once while no message waits: the next message must be able to
/// arrive. So a stream holds at most one window of unread messages and one incomplete message.
package final class MessageInbox: Sendable {
    private struct State {
        var queue = Deque<ByteBuffer>()
        var queuedBytes = 0
        /// Credit of received bytes that the peer has not got back.
        var heldCredit = 0
        /// Set once; the inner nil is the regular end.
        var end: RPCError??
        var waiter: CheckedContinuation<ByteBuffer?, any Error>?
    }

    private let state = Mutex(State())
    private let returnCredit: @Sendable (Int) -> Void
    private let unread: ByteCount?

    /// - Parameters:
    ///   - unread: counts the unread bytes.
    ///   - returnCredit: called in the reading task, on any thread.
    package init(unread: ByteCount? = nil, returnCredit: @escaping @Sendable (Int) -> Void) {
        self.unread = unread
        self.returnCredit = returnCredit
    }

    deinit {
        unread?.add(-queuedBytes)
    }

    /// The unread bytes.
    package var queuedBytes: Int { state.withLock { $0.queuedBytes } }

    /// Queues the messages that DATA of `credit` bytes completed.
    ///
    /// - Returns: the credit to give back to the peer now.
    package func receive(_ messages: [ByteBuffer], credit: Int) -> Int {
        let (waiter, first, release) = state.withLock { state in
            state.heldCredit += credit
            var messages = messages[...]
            var waiter: CheckedContinuation<ByteBuffer?, any Error>?
            var first: ByteBuffer?
            if state.end == nil {
                if let message = messages.first, let waiting = state.waiter {
                    waiter = waiting
                    first = message
                    state.waiter = nil
                    messages = messages.dropFirst()
                }
                for message in messages {
                    state.queue.append(message)
                    state.queuedBytes += message.readableBytes
                    unread?.add(message.readableBytes)
                }
            }
            guard state.queue.isEmpty else { return (waiter, first, 0) }
            defer { state.heldCredit = 0 }
            return (waiter, first, state.heldCredit)
        }
        waiter?.resume(returning: first)
        return release
    }

    /// Ends the sequence after the queued messages, with an error or without. The first end stays.
    package func finish(_ error: RPCError?) {
        let waiter = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = .some(error)
            defer { state.waiter = nil }
            return state.waiter
        }
        guard let waiter else { return }
        if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
    }

    /// The next message; nil after the last.
    ///
    /// - Throws: the error that ended the sequence, after the messages before it; `cancelled` when the reading task is cancelled.
    package func next() async throws -> ByteBuffer? {
        if let step = take() { return try step.get() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ByteBuffer?, any Error>) in
                park(continuation)
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: Self.cancelled)
        }
    }

    private static var cancelled: RPCError { RPCError(.cancelled, "the reading task was cancelled") }

    private func park(_ continuation: CheckedContinuation<ByteBuffer?, any Error>) {
        if let step = take() {
            continuation.resume(with: step)
            return
        }
        let refusal = state.withLock { state -> (any Error)? in
            if Task.isCancelled { return Self.cancelled }
            if state.waiter != nil {
                return RPCError(.internalError, "two tasks read the messages of a call at once")
            }
            if state.end == nil, state.queue.isEmpty {
                state.waiter = continuation
                return nil
            }
            return ParkAgain()
        }
        guard let refusal else { return }
        if refusal is ParkAgain { park(continuation) } else { continuation.resume(throwing: refusal) }
    }

    /// A message came between `take` and `park`.
    private struct ParkAgain: Error {}

    private func take() -> Result<ByteBuffer?, any Error>? {
        let (step, credit) = state.withLock { state -> (Result<ByteBuffer?, any Error>?, Int) in
            guard let message = state.queue.popFirst() else {
                guard let end = state.end else { return (nil, 0) }
                return (end.map { .failure($0) } ?? .success(nil), 0)
            }
            state.queuedBytes -= message.readableBytes
            // A drifting count would hide unread bytes from the server's memory limit.
            assert(state.queue.isEmpty ? state.queuedBytes == 0 : state.queuedBytes >= 0, "each message counts once")
            unread?.add(-message.readableBytes)
            // No more bytes come after the end, so the peer needs no credit.
            guard state.end == nil else { return (.success(message), 0) }
            let worth = message.readableBytes + MessageFramer.prefixLength
            let credit = state.queue.isEmpty ? state.heldCredit : min(state.heldCredit, worth)
            state.heldCredit -= credit
            return (.success(message), credit)
        }
        if credit > 0 { returnCredit(credit) }
        return step
    }
}
