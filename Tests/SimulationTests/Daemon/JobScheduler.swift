import StellarTestKit

/// Runs the jobs of all simulated daemons in one thread. The seed chooses which of the ready jobs runs next.
final class JobScheduler: @unchecked Sendable {
    // why: one thread runs everything of a simulation.
    private var ready: [(job: UnownedJob, life: LifeExecutor)] = []
    private var random: SplitMix64
    /// Jobs that ran.
    private(set) var count = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    fileprivate func add(_ jobs: [UnownedJob], _ life: LifeExecutor) { ready += jobs.map { ($0, life) } }

    /// Runs one ready job.
    ///
    /// - Returns: false if none is ready.
    func runNext() -> Bool {
        guard !ready.isEmpty else { return false }
        ready.swapAt(Int.random(in: ready.indices, using: &random), ready.count - 1)
        let (job, life) = ready.removeLast()
        guard life.isAlive else { return true }
        count += 1
        job.runSynchronously(on: life.asUnownedTaskExecutor())
        return true
    }
}

/// The executor of one life of a daemon. The jobs of a crashed daemon never run.
final class LifeExecutor: TaskExecutor, @unchecked Sendable {
    // why: one thread runs everything of a simulation.
    private let scheduler: JobScheduler
    private(set) var isAlive = true
    /// The jobs of a paused process; nil while it runs.
    private var held: [UnownedJob]?

    init(_ scheduler: JobScheduler) {
        self.scheduler = scheduler
    }

    func enqueue(_ job: consuming ExecutorJob) {
        guard isAlive else { return }
        if held == nil { scheduler.add([UnownedJob(job)], self) } else { held?.append(UnownedJob(job)) }
    }

    func end() { isAlive = false }

    /// Stops the process as by SIGSTOP.
    func pause() { held = held ?? [] }

    func resume() {
        scheduler.add(held ?? [], self)
        held = nil
    }
}

/// The executor of a simulated daemon's database: one job at a time, in order, each after the delay of a disk.
final class DiskExecutor: SerialExecutor, @unchecked Sendable {
    // why: one thread runs everything of a simulation.
    private let life: LifeExecutor
    private let schedule: (_ body: @escaping () -> Void) -> Void
    /// Whether jobs still run after the life has ended: the simulation closes the file.
    private var isClosing = false

    /// - Parameter schedule: runs a body after the delay of the disk, later than every earlier body.
    init(_ life: LifeExecutor, schedule: @escaping (_ body: @escaping () -> Void) -> Void) {
        self.life = life
        self.schedule = schedule
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isClosing { return job.runSynchronously(on: asUnownedSerialExecutor()) }
        schedule {
            if self.life.isAlive { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
    }

    func close() { isClosing = true }
}
