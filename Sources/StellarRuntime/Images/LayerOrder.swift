import Synchronization

/// Which of the layers that download at the same time may hand its bytes on.
///
/// Layers are unpacked from the bottom up. Where they share a fast network evenly they are all there at the same time, at
/// the end, and until then nothing can be unpacked. So a layer hands bytes on only while every layer below it waits for
/// the network: on a slow line all of them use it, on a fast one they come one after the other, and each is unpacked
/// while the next one comes.
final class LayerOrder: Sendable {
    private struct State {
        /// Layers that have bytes at hand.
        var busy: Set<Int> = []
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]

        /// Whether it is the turn of `layer`, which is busy then.
        mutating func take(_ layer: Int) -> Bool {
            guard !busy.contains(where: { $0 < layer }) else { return false }
            busy.insert(layer)
            return true
        }
    }

    private let state = Mutex(State())

    /// Returns when no lower layer has bytes at hand. Each layer is one task.
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

    /// Says that `layer` waits for the network, or has ended: others may go on.
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
