import Synchronization

/// Decides which of the concurrently downloading layers may pass its bytes on.
///
/// Layers are unpacked from the bottom up. If they shared a fast network evenly, all would finish at the same time, and
/// unpacking could not begin before. So a layer passes bytes on only while every layer below it waits for the network:
/// on a slow network all layers use it; on a fast one they arrive one after the other, and each is unpacked while the
/// next one arrives.
final class LayerOrder: Sendable {
    private struct State {
        /// Layers that have bytes ready.
        var busy: Set<Int> = []
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]

        /// Whether it is the turn of `layer`; if so, marks it busy.
        mutating func take(_ layer: Int) -> Bool {
            guard !busy.contains(where: { $0 < layer }) else { return false }
            busy.insert(layer)
            return true
        }
    }

    private let state = Mutex(State())

    /// Returns when no lower layer has bytes ready. Each layer is one task.
    ///
    /// - Throws: CancellationError.
    func turn(of layer: Int) async throws {
        if state.withLock({ $0.take(layer) }) { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.take(layer) { return .success(()) }
                    state.waiting[layer] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiting.removeValue(forKey: layer) }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// Marks that `layer` waits for the network or has ended, so that others may continue.
    func rest(_ layer: Int) {
        let next = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard state.busy.remove(layer) != nil else { return [] }
            return state.waiting.keys.sorted().filter { state.take($0) }.compactMap {
                state.waiting.removeValue(forKey: $0)
            }
        }
        for continuation in next { continuation.resume() }
    }
}
