import Synchronization

/// A queue of events between the task that reads them from containerd and the task that handles them.
///
/// Bounded: a reader that falls too far behind gets one ``RuntimeEvent/Kind/resynchronize`` in place of the missed
/// events.
final class EventMailbox: Sendable {
    /// Enough for some hundred containers that exit at once, with two events each; an event takes 100 bytes.
    static let limit = 1024

    private struct State {
        var events: [RuntimeEvent] = []
        var waiting: CheckedContinuation<RuntimeEvent?, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Adds an event.
    func put(_ event: RuntimeEvent) {
        let waiting = state.withLock { state -> CheckedContinuation<RuntimeEvent?, Never>? in
            guard !state.isClosed else { return nil }
            if let waiting = state.waiting {
                state.waiting = nil
                return waiting
            }
            if state.events.count >= Self.limit {
                state.events = [RuntimeEvent(id: "", kind: .resynchronize, time: event.time)]
            } else {
                state.events.append(event)
            }
            return nil
        }
        waiting?.resume(returning: event)
    }

    /// The next event; nil when closed, or when the calling task is cancelled. One caller at a time.
    func next() async -> RuntimeEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> RuntimeEvent?? in
                    if !state.events.isEmpty { return .some(state.events.removeFirst()) }
                    if state.isClosed || Task.isCancelled { return .some(nil) }
                    state.waiting = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            close()
        }
    }

    /// Ends the sequence.
    func close() {
        let waiting = state.withLock { state -> CheckedContinuation<RuntimeEvent?, Never>? in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: nil)
    }
}
