import Synchronization

/// A value that is set once and can be waited for.
final class Eventually<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, RPCError>?
        var waiters: [UInt64: CheckedContinuation<Value, any Error>] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The first result stays.
    func set(_ result: Result<Value, RPCError>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result.mapError { $0 as any Error }) }
    }

    /// - Throws: the failure; `cancelled` with the waiting task.
    func get() async throws -> Value {
        if let result = state.withLock({ $0.result }) { return try result.get() }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let outcome = state.withLock { state -> Result<Value, RPCError>? in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(RPCError(.cancelled, "the waiting task was cancelled")) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome.mapError { $0 as any Error }) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.resume(throwing: RPCError(.cancelled, "the waiting task was cancelled"))
        }
    }
}
