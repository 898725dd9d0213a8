import StellarSystem
import Synchronization

/// Committing and the machine's time.
extension ReplicatedStore {
    /// Commits what is queued and keeps the machine's time, until cancelled. Then the store stops: the transaction that is
    /// being written is finished, and every writer that still waits gets ``StoreError/stopping``, as every later one does.
    ///
    /// It runs once in the life of a store.
    package func run() async {
        let begins = state.withLock { state in
            guard state.phase == .open else { return false }
            state.phase = .running
            return true
        }
        assert(begins, "run() runs once")
        guard begins else { return }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepTime() }
                group.addTask {
                    while !Task.isCancelled {
                        await self.commitQueue(for: .running)
                        await self.commits.wait()
                    }
                }
            }
        } onCancel: {
            stop()
        }
    }

    private func stop() {
        let jobs = state.withLock { state in
            state.phase = .stopped
            defer { state.queue = [] }
            return state.queue
        }
        for job in jobs { job.finish(.failure(StoreError.stopping)) }
    }

    private func keepTime() async {
        while !Task.isCancelled {
            state.withLock { setTimer(&$0) }
            await timer.wait()
            update { state in
                let now = StoreTime(clock)
                if state.machine.deadline <= now.monotonic { state.machine.advance(now: now, using: &state.random) }
            }
        }
    }

    /// Sets the timer to the machine's deadline.
    func setTimer(_ state: inout State) {
        state.timerDeadline = state.machine.deadline
        // At least a millisecond from now, whatever the machine wants: this loop must not spin.
        let wait = max(state.machine.deadline - clock.monotonic, .milliseconds(1))
        timer.set(clock.now + wait)
    }
}
