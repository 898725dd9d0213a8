import Synchronization

/// Work that outlives the call that asked for it: it runs in the task of the service that owns the queue, not in the
/// caller's, so that a client that goes away does not leave an app half made.
final class JobQueue: Sendable {
    private struct Job: Sendable {
        var run: @Sendable () async -> Void
        /// Called instead of `run` when the daemon stops first.
        var drop: @Sendable () -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let signal: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init() {
        (signal, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs `body` as a job and returns what it returns, or throws what it throws. When the caller is cancelled the job goes on.
    func perform<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            add(
                Job(
                    run: {
                        do {
                            continuation.resume(returning: try await body())
                        } catch {
                            continuation.resume(throwing: error)
                        }
                    },
                    drop: { continuation.resume(throwing: Cause(.unavailable, "the daemon is stopping")) }
                )
            )
        }
    }

    /// Runs `body` as a job that nobody waits for.
    func submit(_ body: @escaping @Sendable () async -> Void) {
        add(Job(run: body, drop: {}))
    }

    /// Runs jobs, all at once, until cancelled; the ones under way are cancelled too, and waited for.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in signal {
                for job in take() { group.addTask { await job.run() } }
            }
            group.cancelAll()
        }
        let left = state.withLock { state in
            state.isStopped = true
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in left { job.drop() }
    }

    private func take() -> [Job] {
        state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
    }

    private func add(_ job: Job) {
        let isStopped = state.withLock { state in
            if !state.isStopped { state.jobs.append(job) }
            return state.isStopped
        }
        if isStopped { job.drop() } else { wake.yield() }
    }
}
