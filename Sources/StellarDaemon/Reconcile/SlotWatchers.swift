import StellarCore
import Synchronization

/// The callers that wait for the outcome of what they requested of slots.
final class SlotWatchers: Sendable {
    typealias Token = SlotMachine.Token
    typealias Progress = @Sendable (SlotProgress) -> Void

    private struct Watcher {
        var progress: Progress
        var isDone = false
        var failure: SlotFailure?
        var waiting: CheckedContinuation<SlotFailure?, Never>?
    }

    private struct State {
        var last = 0
        var watchers: [Token: Watcher] = [:]
    }

    private let state = Mutex(State())

    /// A new request. ``outcome(of:_:)`` has to be called for it, once.
    func add(_ progress: @escaping Progress) -> Token {
        state.withLock { state in
            state.last += 1
            state.watchers[state.last] = Watcher(progress: progress)
            return state.last
        }
    }

    func report(_ tokens: [Token], _ line: SlotProgress) {
        let watchers = state.withLock { state in tokens.compactMap { state.watchers[$0] } }
        for watcher in watchers { watcher.progress(line) }
    }

    func resolve(_ tokens: [Token], _ failure: SlotFailure?) {
        let waiting = state.withLock { state in
            tokens.compactMap { token -> CheckedContinuation<SlotFailure?, Never>? in
                guard state.watchers[token]?.isDone == false else { return nil }
                state.watchers[token]?.isDone = true
                state.watchers[token]?.failure = failure
                return state.watchers[token]?.waiting
            }
        }
        for continuation in waiting { continuation.resume(returning: failure) }
    }

    /// Waits until a request is done. When the task is cancelled it is done at once, with that as its failure.
    func outcome(of token: Token, _ id: ContainerID) async -> SlotFailure? {
        defer { state.withLock { $0.watchers[token] = nil } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let watcher = state.withLock { state in
                    if state.watchers[token]?.isDone == false { state.watchers[token]?.waiting = continuation }
                    return state.watchers[token]
                }
                guard let watcher, !watcher.isDone else { return continuation.resume(returning: watcher?.failure) }
            }
        } onCancel: {
            resolve([token], SlotFailure(id, CancellationError()))
        }
    }
}
