import Synchronization

/// Ends a task's wait at a deadline, or earlier when another task wakes it.
///
///     alarm.set(.now + .seconds(5))
///     await alarm.wait()
///
/// Deadlines are of the continuous clock, which goes on while the computer is suspended. One task waits at a time.
package final class Alarm: Sendable {
    private typealias Waiter = CheckedContinuation<Interruption, Never>

    private enum Interruption: Sendable {
        /// The state changed: the waiting task decides again.
        case changed
        /// Another task waits now.
        case displaced
    }

    private struct State {
        var deadline: ContinuousClock.Instant?
        var isWoken = false
        /// Changes after which a waiting task has to decide again.
        var changes: UInt64 = 0
        var waiter: Waiter?
    }

    private let clock: HostClock
    private let state = Mutex(State())

    package init(clock: HostClock = .system) {
        self.clock = clock
    }

    /// Sets the deadline, also of a wait that has begun; nil removes it.
    package func set(_ deadline: ContinuousClock.Instant?) {
        change { state in
            let before = state.deadline
            state.deadline = deadline
            // A wait that ends too early decides again; only one that would end too late is interrupted.
            guard let deadline else { return false }
            return before.map { deadline < $0 } ?? true
        }
    }

    /// Ends the wait, or the next one where no task waits.
    package func wake() {
        change { state in
            state.isWoken = true
            return true
        }
    }

    /// Returns when the deadline has passed, ``wake()`` was called, or the task is cancelled.
    ///
    /// Each deadline and each ``wake()`` ends one wait.
    package func wait() async {
        while let (deadline, changes) = nextRound() {
            guard let deadline else {
                if await interruption(after: changes) == .displaced { return }
                continue
            }
            let isDisplaced = await withTaskGroup(of: Bool.self) { group in
                group.addTask { [clock] in
                    try? await clock.sleep(until: deadline)
                    return false
                }
                group.addTask { await self.interruption(after: changes) == .displaced }
                defer { group.cancelAll() }
                return await group.next() ?? false
            }
            if isDisplaced { return }
        }
    }

    /// - Returns: what to wait for; nil where the wait is over.
    private func nextRound() -> (deadline: ContinuousClock.Instant?, changes: UInt64)? {
        state.withLock { state in
            if state.isWoken {
                state.isWoken = false
                return nil
            }
            if let deadline = state.deadline, deadline <= clock.now {
                state.deadline = nil
                return nil
            }
            return Task.isCancelled ? nil : (state.deadline, state.changes)
        }
    }

    /// Returns at the next change, or when the task is cancelled.
    private func interruption(after changes: UInt64) async -> Interruption {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (resumed, why) = state.withLock { state -> (Waiter?, Interruption) in
                    // The handler below takes the lock after the task is marked as cancelled, so it finds the waiter.
                    if state.changes != changes || Task.isCancelled { return (continuation, .changed) }
                    defer { state.waiter = continuation }
                    return (state.waiter, .displaced)
                }
                resumed?.resume(returning: why)
            }
        } onCancel: {
            change { _ in true }
        }
    }

    /// - Parameter body: Returns whether a waiting task has to decide again.
    private func change(_ body: (inout State) -> Bool) {
        let waiter = state.withLock { state -> Waiter? in
            guard body(&state) else { return nil }
            state.changes &+= 1
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: .changed)
    }
}
