import Synchronization

/// Events between the task that reads them from containerd and the one that acts on them.
///
/// Bounded: a reader that falls too far behind gets one ``RuntimeEvent/Kind/resynchronize`` in place of what it missed.
final class EventMailbox: Sendable {
    /// Some hundred containers that all exit at once, twice over; 100 bytes each.
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
                let answer = state.withLock { state -> RuntimeEvent?? in
                    if !state.events.isEmpty { return .some(state.events.removeFirst()) }
                    if state.isClosed || Task.isCancelled { return .some(nil) }
                    state.waiting = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
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
