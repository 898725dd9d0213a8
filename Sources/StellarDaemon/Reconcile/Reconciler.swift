import Logging
import StellarCore
import StellarStore
import StellarSystem

/// Makes this node run what it should, and nothing else of ours.
///
/// What should run is in ``LiveAppBook``, wherever the record came from. What runs is what containerd and the kernel say.
/// Each slot has a ``SlotMachine``, which gets both, decides, and keeps at most one step of a slot under way; the
/// reconciler interprets the machines' effects. A new record, an exit, a crash of the daemon and a reboot all take the same
/// path. What is begun is in the journal first, so that the next start finishes or undoes it.
actor Reconciler {
    /// How often to look whether everything runs, beside containerd's events (the period of the original).
    static let period = Duration.seconds(15)
    /// How long after a start this node waits for the other nodes' records before it removes what belongs to no app: gossip
    /// finds a live node within a second or two, and the store then has all it has. Nothing else waits for it.
    static let recordsLimit = Duration.seconds(10)

    let node: Node
    let runner: SlotRunner
    nonisolated let book: LiveAppBook
    let journalBook: JournalBook
    let addresses: AddressBook
    let records: RecordBook
    /// Whether records of other nodes may still be missing here.
    let awaitsOthers: @Sendable () async -> Bool
    let recordsWait: Duration
    let clock: HostClock
    let logger: Logger
    let queue = JobQueue()
    let recoveryTurn = KeyedLock<Int>()
    let watchers = SlotWatchers()
    /// The pulls of slots, which end where their image is no longer wanted.
    let pulls = EndableWork<ContainerID>()
    /// Signals that a status has changed.
    nonisolated let statusNews: AsyncStream<Void>
    let statusSignal: AsyncStream<Void>.Continuation

    /// Every slot that is this node's, or of which something may be left here.
    var machines: [ContainerID: SlotMachine] = [:]
    private var generation = 0
    /// The record of each app that the machines know.
    var applied: [String: AppVersion] = [:]
    /// Apps whose newest record is still to be brought about here.
    var pending: Set<String> = []
    /// How many commands about each app run here; they bring about its records, and report on it.
    var commands: [String: Int] = [:]
    var isRecovered = false
    /// Why the last pass failed, in words.
    private(set) var problem: String?

    init(
        node: Node,
        runner: SlotRunner,
        book: LiveAppBook,
        journal: JournalBook,
        addresses: AddressBook,
        records: RecordBook,
        awaitsOthers: @escaping @Sendable () async -> Bool = { false },
        recordsWait: Duration = Reconciler.recordsLimit,
        clock: HostClock = .system,
        logger: Logger
    ) {
        self.node = node
        self.runner = runner
        self.book = book
        journalBook = journal
        self.addresses = addresses
        self.records = records
        self.awaitsOthers = awaitsOthers
        self.recordsWait = recordsWait
        self.clock = clock
        self.logger = logger
        (statusNews, statusSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    nonisolated var store: any StorePort { book.store }
    nonisolated var now: SlotTime { SlotTime(clock) }

    /// Reads the desired state and the journal. Nothing of the host is touched.
    func load() async throws {
        book.load()
        journaled(try await journalBook.load())
        for name in book.current.versions.keys.sorted() { apply(name) }
        pending = []
    }

    /// Makes the machine of a slot, where there is none.
    func ensureMachine(_ id: ContainerID) {
        guard machines[id] == nil else { return }
        generation += 1
        machines[id] = SlotMachine(id: id, generation: generation)
    }

    /// The slots this node should run.
    var slots: [Slot] { machines.values.compactMap(\.desired?.slot) }

    /// What people see of the slots that are an app's, or were until just now.
    var statuses: [ContainerID: SlotStatus] { machines.filter(\.value.isShown).mapValues(\.status) }

    /// Works until cancelled: jobs, the events of containerd, and a pass every ``period``.
    func run(events: some AsyncSequence<RuntimeSignal, Never> & Sendable) async {
        let (queue, book, changes, clock) = (queue, book, book.changes(), clock)
        await withDiscardingTaskGroup { group in
            group.addTask { await queue.run() }
            group.addTask { [weak self] in
                for await names in changes { await self?.bookChanged(names) }
            }
            group.addTask { await book.run() }
            group.addTask { [weak self] in
                for await event in events { await self?.handle(event) }
            }
            group.addTask { [weak self] in
                while !Task.isCancelled {
                    try? await clock.sleep(for: Self.period)
                    await self?.pass()
                }
            }
        }
    }

    private func handle(_ event: RuntimeSignal) async {
        switch event {
        case .exited(let id, let status):
            guard let id = ContainerID(id), machines[id]?.desired != nil else { return }
            let ending = ending(status, id)
            send(id) { $0.exited(ending) }
        case .resynchronize:
            await pass()
        }
    }

    private func pass() async {
        book.check()
        do {
            if isRecovered { reconcile(try await runner.runtime.containers()) } else { try await recover() }
            problem = nil
        } catch {
            // A daemon that stops reports no problem.
            guard !Task.isCancelled else { return }
            problem = "cannot list the containers: \(Cause(of: error).message)"
            logger.warning("cannot list the containers", metadata: ["error": "\(Cause(of: error).message)"])
        }
    }

    /// Compares observed and desired state, and reconciles the slots that differ.
    func reconcile(_ observed: [ObservedContainer]) {
        let containers = Dictionary(observed.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for id in machines.keys.sorted() {
            let container = containers[id.description]
            var ended: SlotEnding?
            if let task = container?.task, !task.isAlive, machines[id]?.needsEnding == true {
                ended = ending(task.exitStatus, id)
            }
            send(id) { $0.passed(container, ended, now: now) }
        }
    }
}

/// What containerd reports while the daemon runs.
enum RuntimeSignal: Sendable, Hashable {
    case exited(id: String, status: UInt32)
    /// Events may have been missed: look at everything.
    case resynchronize
}
