import StellarStorage
import Synchronization

/// One input that waits for its transaction, and the outcome for the task that submitted it.
final class StoreJob: Sendable {
    private enum State {
        case pending
        case awaited(CheckedContinuation<[StoreEntry], any Error>)
        case finished(Result<[StoreEntry], any Error>)
    }

    let input: StoreInput
    let durability: Database.Durability
    let alongside: (@Sendable (Connection) throws -> Void)?
    private let state = Mutex(State.pending)

    init(
        _ input: StoreInput,
        durability: Database.Durability = .durable,
        alongside: (@Sendable (Connection) throws -> Void)? = nil
    ) {
        self.input = input
        self.durability = durability
        self.alongside = alongside
    }

    /// Sets the outcome; the first one counts.
    func finish(_ outcome: Result<[StoreEntry], any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<[StoreEntry], any Error>? in
            switch state {
            case .pending: state = .finished(outcome)
            case .awaited(let continuation):
                state = .finished(outcome)
                return continuation
            case .finished: assertionFailure("a job has one outcome")
            }
            return nil
        }
        waiting?.resume(with: outcome)
    }

    /// Waits for the outcome; one task may. Cancelling it does not end the wait.
    var outcome: [StoreEntry] {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<[StoreEntry], any Error>? in
                    if case .finished(let outcome) = state { return outcome }
                    state = .awaited(continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        }
    }
}
