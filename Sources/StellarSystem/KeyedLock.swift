import Synchronization

/// A lock for each key. Tasks that wait for a key get it in the order of their calls.
///
/// A cancelled task stops waiting (``withLock(_:waiting:isolation:_:)``), except for work that must be done in any
/// case, such as a clean-up (``withUncancelledLock(_:isolation:_:)``).
package final class KeyedLock<Key: Hashable & Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        /// The waiting tasks of each held key.
        var lines: [Key: [Waiter]] = [:]
        var nextID: UInt64 = 0

        /// Takes the key if it is free; false if it is held.
        mutating func take(_ key: Key) -> Bool {
            guard lines[key] == nil else { return false }
            lines[key] = []
            return true
        }

        mutating func join(_ key: Key, _ continuation: CheckedContinuation<Void, any Error>, id: UInt64) {
            lines[key]?.append(Waiter(id: id, continuation: continuation))
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// Runs `body` while holding the key.
    ///
    /// - Parameter waiting: called before the wait if another task holds the key.
    /// - Throws: CancellationError if the task is cancelled while it waits; the errors of `body`.
    package func withLock<R>(
        _ key: Key,
        waiting: () -> Void = {},
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> R
    ) async throws -> R {
        if !state.withLock({ $0.take(key) }) {
            waiting()
            try await wait(for: key)
        }
        defer { release(key) }
        return try await body()
    }

    /// Runs `body` while holding the key, also if the task is cancelled.
    package func withUncancelledLock<R>(
        _ key: Key,
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> R
    ) async rethrows -> R {
        if !state.withLock({ $0.take(key) }) { await waitUncancelled(for: key) }
        defer { release(key) }
        return try await body()
    }

    private func wait(for key: Key, isolation: isolated (any Actor)? = #isolation) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.take(key) { return .success(()) }
                    state.join(key, continuation, id: id)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let place = state.lines[key]?.firstIndex(where: { $0.id == id }) else { return nil }
                return state.lines[key]?.remove(at: place)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func waitUncancelled(for key: Key, isolation: isolated (any Actor)? = #isolation) async {
        // Only a cancellation makes the wait throw, and this wait has no cancellation handler.
        try? await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isFree = state.withLock { state in
                if state.take(key) { return true }
                state.nextID += 1
                state.join(key, continuation, id: state.nextID)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func release(_ key: Key) {
        let next = state.withLock { state -> Waiter? in
            guard let line = state.lines[key], !line.isEmpty else {
                state.lines[key] = nil
                return nil
            }
            return state.lines[key]?.removeFirst()
        }
        next?.continuation.resume()
    }
}
