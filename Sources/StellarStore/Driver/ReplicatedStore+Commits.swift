import Logging
import StellarStorage
import StellarSystem
import Synchronization

/// From inputs in a queue to transactions on the disk.
extension ReplicatedStore {
    /// Jobs of one transaction. Others wait while it is written, so it has a limit.
    private static let maximumGroup = 512

    /// Returns when the input is on the disk and in the machine. Cancelling the task does not undo it.
    ///
    /// - Throws: ``StoreError/stopping``, and what the transaction threw.
    @discardableResult
    func submit(
        _ input: StoreInput,
        durability: Database.Durability = .durable,
        alongside: (@Sendable (Connection) throws -> Void)? = nil
    ) async throws -> [StoreEntry] {
        let job = StoreJob(input, durability: durability, alongside: alongside)
        let phase = try update { state in
            guard state.phase != .stopped else { throw StoreError.stopping }
            state.queue.append(job)
            return state.phase
        }
        if phase == .open { await commitQueue(for: .open) }
        return try await job.outcome
    }

    /// Changes the state, and runs the effects that the machine has then.
    func update<R>(_ body: (inout State) throws -> R) rethrows -> R {
        var effects: [StoreEffect] = []
        // Also where `body` throws: it may have caused effects all the same.
        defer { for effect in effects { perform(effect) } }
        return try state.withLock { state in
            defer {
                for effect in state.machine.takeEffects() {
                    switch effect {
                    // Under the lock, so that every reader gets the changes in the order in which they happened.
                    case .changed(let entries): readers.push(entries)
                    case .store(let input): if state.phase != .stopped { state.queue.append(StoreJob(input)) }
                    default: effects.append(effect)
                    }
                }
                if state.phase == .running, !state.queue.isEmpty, !state.isCommitting { commits.wake() }
                if let deadline = state.timerDeadline, state.machine.deadline < deadline { setTimer(&state) }
            }
            return try body(&state)
        }
    }

    private func perform(_ effect: StoreEffect) {
        switch effect {
        case .broadcast, .send: send.yield(effect)
        case .exchange: exchange.yield(effect)
        case .seen: wakeReportAlarms()
        case .quarantined(let writes):
            for write in writes {
                logger.warning(
                    "quarantined a write; accept or drop it with sctl cluster quarantine",
                    metadata: [
                        "bucket": "\(write.entry.key.bucket)", "key": "\(write.entry.key.key)",
                        "origin": "\(write.entry.origin)", "reason": "\(write.reason.rawValue)",
                    ]
                )
            }
        case .changed, .store: break
        }
    }

    /// Commits what is queued, until nothing is. Returns at once where another task does so.
    ///
    /// - Parameter phase: The phase in which this task commits. When it ends, the next one's task goes on.
    func commitQueue(for phase: Phase) async {
        let begins = state.withLock { state in
            guard !state.isCommitting else { return false }
            state.isCommitting = true
            return true
        }
        guard begins else { return }
        while let jobs = nextGroup(for: phase) { await commit(jobs) }
    }

    /// - Returns: the jobs of the next transaction; nil where this task commits no more.
    private func nextGroup(for phase: Phase) -> [StoreJob]? {
        state.withLock { state in
            guard state.phase == phase, !state.queue.isEmpty else {
                state.isCommitting = false
                if state.phase == .running, !state.queue.isEmpty { commits.wake() }
                return nil
            }
            let jobs = Array(state.queue.prefix(Self.maximumGroup))
            state.queue.removeFirst(jobs.count)
            return jobs
        }
    }

    private func commit(_ jobs: [StoreJob]) async {
        var jobs = jobs
        while !jobs.isEmpty {
            let inputs = jobs.map(\.input)
            let transaction = state.withLock { $0.machine.begin(inputs, now: StoreTime(clock)) }
            let outcomes = Self.outcomes(of: jobs, transaction)
            do {
                if try await put(transaction, jobs: jobs, outcomes: outcomes) { note(problem: nil) }
            } catch let failure as AlongsideFailure {
                // Only the job whose `alongside` threw fails; the others are tried again.
                jobs.remove(at: failure.index).finish(.failure(failure.error))
                continue
            } catch {
                note(problem: "\(error)")
                for job in jobs { job.finish(.failure(error)) }
                return
            }
            update { $0.machine.commit(transaction, now: StoreTime(clock)) }
            for (job, outcome) in zip(jobs, outcomes) { job.finish(outcome) }
            return
        }
    }

    /// Logs only the first failure and the recovery: other nodes keep sending what cannot be written.
    private func note(problem reason: String?) {
        let before = state.withLock { state in
            defer { state.problem = reason.map { "the store cannot be written: \($0)" } }
            return state.problem
        }
        if let reason, before == nil {
            logger.error(
                "cannot write the store; writes of other nodes are applied when it can be written",
                metadata: ["reason": "\(reason)"]
            )
        } else if reason == nil, before != nil {
            logger.notice("the store can be written again")
        }
    }

    /// What each job gets once the transaction is on the disk.
    private static func outcomes(
        of jobs: [StoreJob],
        _ transaction: StoreTransaction
    ) -> [Result<[StoreEntry], any Error>] {
        var written = transaction.written.makeIterator()
        return jobs.map { job in
            switch job.input {
            case .write, .accept: return written.next()?.mapError { $0 as any Error } ?? .success([])
            default: return .success([])
            }
        }
    }

    /// - Returns: whether there was anything to put on the disk.
    private func put(
        _ transaction: StoreTransaction,
        jobs: [StoreJob],
        outcomes: [Result<[StoreEntry], any Error>]
    ) async throws -> Bool {
        // A refused write writes nothing alongside either.
        let alongside = zip(jobs, outcomes).enumerated().compactMap { index, pair in
            if case .success = pair.1, let body = pair.0.alongside { (index, body) } else { nil }
        }
        guard !transaction.isEmpty || !alongside.isEmpty else { return false }
        let isDurable = jobs.contains { $0.durability == .durable }
        try await database.write(durability: isDurable ? .durable : .lazy) { connection in
            for (index, body) in alongside {
                do {
                    try body(connection)
                } catch {
                    throw AlongsideFailure(index: index, error: error)
                }
            }
            try transaction.put(connection)
        }
        return true
    }

    private struct AlongsideFailure: Error {
        var index: Int
        var error: any Error
    }
}
