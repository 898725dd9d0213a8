import Synchronization

/// Lets one task at a time work on what a key names; the others wait in line, and leave it when they are cancelled.
final class KeyedLock: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        /// Those who wait behind each key that is held.
        var lines: [String: [Waiter]] = [:]
        var nextID: UInt64 = 0

        /// Whether `key` was free, and is held now.
        mutating func take(_ key: String) -> Bool {
            guard lines[key] == nil else { return false }
            lines[key] = []
            return true
        }
    }

    private let state = Mutex(State())

    /// Runs `body` when it has its turn.
    ///
    /// - Parameter waiting: called where another task holds the key, before the wait.
    /// - Throws: CancellationError where the task is cancelled before its turn; what `body` throws.
    func withLock<R>(
        _ key: String,
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

    private func wait(for key: String, isolation: isolated (any Actor)? = #isolation) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.take(key) { return .success(()) }
                    state.lines[key]?.append(Waiter(id: id, continuation: continuation))
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

    private func release(_ key: String) {
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
