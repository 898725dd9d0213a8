import DequeModule
import Synchronization

/// Suspends a sender while `limit` or more bytes of its call are unwritten.
package final class SendGate: Sendable {
    private struct State {
        var buffered = 0
        var closed: RPCError?
        var waiters = Deque<(id: UInt64, continuation: CheckedContinuation<Void, any Error>)>()
        var nextID: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that entered and have not left.
    package var buffered: Int { state.withLock { $0.buffered } }

    /// Adds `bytes`; suspends first while the limit is reached. A message larger than the limit enters alone.
    ///
    /// - Throws: `RPCError` once closed; `cancelled` if the task is cancelled.
    package func enter(_ bytes: Int) async throws {
        while true {
            let entered = try state.withLock { state -> Bool in
                if let closed = state.closed { throw closed }
                guard state.buffered < limit, state.waiters.isEmpty else { return false }
                state.buffered += bytes
                return true
            }
            if entered { return }
            try await wait(bytes)
            return
        }
    }

    /// Waits in order of arrival.
    private func wait(_ bytes: Int) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if let closed = state.closed { return .failure(closed) }
                    if Task.isCancelled { return .failure(RPCError(.cancelled, "the sending task was cancelled")) }
                    if state.buffered < limit, state.waiters.isEmpty { return .success(()) }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: RPCError(.cancelled, "the sending task was cancelled"))
        }
        state.withLock { $0.buffered += bytes }
    }

    /// Subtracts `bytes` and resumes the next sender.
    package func leave(_ bytes: Int) {
        let waiter = state.withLock { state in
            state.buffered = max(0, state.buffered - bytes)
            return state.buffered < limit ? state.waiters.popFirst() : nil
        }
        waiter?.continuation.resume()
    }

    /// Sets the count, for a call that is sent again.
    package func restart(buffered: Int) {
        state.withLock { $0.buffered = buffered }
    }

    /// Fails all waiting and later senders. The first error stays.
    package func close(_ error: RPCError) {
        let waiters = state.withLock { state in
            state.closed = state.closed ?? error
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }
}
