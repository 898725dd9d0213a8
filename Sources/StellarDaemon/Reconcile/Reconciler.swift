import Logging
import StellarCore
import StellarRPC
import StellarSystem

/// Makes this node run what it should, and nothing else of ours.
///
/// What should run is the desired state: apps and the assignment of their slots, as the replicated store has them, whoever
/// wrote them. What runs is what containerd and the kernel say. News of the store change the first, and the same code that a
/// crash, an exit or a reboot sets in motion brings the second after it. What is begun is in the journal first, so that the
/// next start finishes or undoes it.
///
/// Everything that touches a slot's container is done in the slot's turn, and finds out there what the slot should be now:
/// so news that come while an older form is still being made wait for it, and then replace it.
actor Reconciler {
    /// How often to look whether everything runs, beside containerd's events (the period of the original).
    static let period = Duration.seconds(15)
    /// How long after a start other nodes may tell what should run, before what nobody knows of is taken away: gossip finds a
    /// live node within a second or two, and the store then has all it has. Nothing else waits for it.
    static let hearingLimit = Duration.seconds(10)

    let node: Node
    let runner: SlotRunner
    nonisolated let book: LiveAppBook
    let journalBook: JournalBook
    let addresses: AddressBook
    let records: RecordBook
    /// Whether other nodes may be there that have not told yet what they know.
    private let awaitsOthers: @Sendable () async -> Bool
    private let hearing: Duration
    let logger: Logger
    let queue = JobQueue()
    let slotTurn = KeyedLock<ContainerID>()
    private let recoveryTurn = KeyedLock<Int>()
    /// Tells that a status has changed.
    nonisolated let statusNews: AsyncStream<Void>
    let statusSignal: AsyncStream<Void>.Continuation

    /// Each app as it was applied to this node's slots last, and the write that said so.
    var applied: [String: AppliedApp] = [:]
    /// What the container of each service is to be made from, by app and service.
    var specifications: [String: [String: SpecificationHash]] = [:]
    var statuses: [ContainerID: SlotStatus] = [:] {
        didSet { statusSignal.yield() }
    }
    var journal: [ContainerID: SlotOperation] = [:]
    /// To be removed, each with the time that its process has to end by itself.
    var leaving: [ContainerID: Duration] = [:]
    /// Apps of which something is to be done here that nobody is at yet.
    var unsettled: Set<String> = []
    /// Apps that a command is at, and how many: it does what is to be done, and tells of it.
    var held: [String: Int] = [:]
    var trackers: [ContainerID: RestartTracker<ContinuousClock.Instant>] = [:]
    /// Ended for good: did its work, or failed as often as it may.
    var atRest: Set<ContainerID> = []
    /// Of processes that were not known to run yet when they ended.
    var earlyExits: [ContainerID: Exit] = [:]
    /// Changes with everything that makes a restart that was planned before pointless.
    var restartTickets: [ContainerID: Int] = [:]
    /// Ended where a slot is not wanted any more, or not so.
    let pulls = EndableWork<ContainerID>()
    /// What is being removed in the background.
    var removals: Set<String> = []
    private var isRecovered = false
    /// Why the last look around failed, in words.
    private(set) var problem: String?

    struct AppliedApp: Sendable {
        var desired: DesiredApp?
        var version: AppVersion?
    }

    struct Exit: Sendable, Hashable {
        /// nil when it is not known.
        var status: UInt32?
    }

    init(
        node: Node,
        runner: SlotRunner,
        book: LiveAppBook,
        journal: JournalBook,
        addresses: AddressBook,
        records: RecordBook,
        awaitsOthers: @escaping @Sendable () async -> Bool = { false },
        hearing: Duration = Reconciler.hearingLimit,
        logger: Logger
    ) {
        self.node = node
        self.runner = runner
        self.book = book
        journalBook = journal
        self.addresses = addresses
        self.records = records
        self.awaitsOthers = awaitsOthers
        self.hearing = hearing
        self.logger = logger
        (statusNews, statusSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    nonisolated var store: any StorePort { book.store }

    /// Reads the desired state and the journal. Nothing of the host is touched.
    func load() async throws {
        book.load()
        for name in book.current.versions.keys.sorted() { apply(name) }
        unsettled = []
        journal = try await journalBook.load()
    }

    /// The slots this node should run.
    var slots: [Slot] { applied.values.flatMap { $0.desired?.slots(on: node.id) ?? [] } }

    /// What the container of a slot is to be made from.
    func specification(_ slot: Slot) -> SpecificationHash {
        specifications[slot.id.app]?[slot.id.service] ?? SpecificationHash(of: slot.service)
    }

    func slot(_ id: ContainerID) -> Slot? {
        guard let app = applied[id.app]?.desired, app.assignment[id] == node.id else { return nil }
        return app.app.service(named: id.service).map { Slot(id: id, service: $0) }
    }

    /// Works until cancelled: jobs, the events of containerd, and a look around every ``period``.
    func run(events: some AsyncSequence<RuntimeSignal, Never> & Sendable) async {
        let (queue, book, changes) = (queue, book, book.changes())
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
                    try? await Task.sleep(for: Self.period)
                    await self?.lookAround()
                }
            }
        }
    }

    private func handle(_ event: RuntimeSignal) async {
        switch event {
        case .exited(let id, let status):
            guard let id = ContainerID(id) else { return }
            ended(id, Exit(status: status))
        case .resynchronize:
            await lookAround()
        }
    }

    /// Sees to it that what an earlier run left is known and cleaned up before anything new begins.
    ///
    /// - Throws: Unavailable while containerd does not answer.
    func recover() async throws {
        guard !isRecovered else { return }
        try await recoveryTurn.withUncancelledLock(0) { try await self.recoverInTurn() }
    }

    private func recoverInTurn() async throws {
        guard !isRecovered else { return }
        try await runner.runtime.settle()
        let observed = try await runner.runtime.containers()
        try await readAddresses(of: observed)
        let strays = try await strays(observed)
        // A disk that was lost or replaced by an older one knows less than the others do.
        if !strays.isEmpty, await awaitsOthers() {
            await sweep(keeping: strays)
            sweepOnceHeard(strays)
        } else {
            await remove(strays)
            await sweep(keeping: [])
        }
        isRecovered = true
        reconcile(observed)
    }

    private func sweepOnceHeard(_ strays: Set<String>) {
        logger.notice(
            "there are containers that this node knows nothing of; what the other nodes know is waited for",
            metadata: ["ids": "\(strays.sorted().joined(separator: ", "))", "for": "\(hearing)"]
        )
        queue.submit { [weak self, awaitsOthers, hearing] in
            let end = ContinuousClock.now + hearing
            while await awaitsOthers(), .now < end {
                guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            }
            await self?.remove(strays)
        }
    }

    private func lookAround() async {
        do {
            if isRecovered { reconcile(try await runner.runtime.containers()) } else { try await recover() }
            problem = nil
        } catch {
            // A daemon that stops has nothing to complain about.
            guard !Task.isCancelled else { return }
            problem = "cannot look at the containers: \(RPCError(of: error).message)"
            logger.warning("cannot look at the containers", metadata: ["error": "\(RPCError(of: error).message)"])
        }
    }
}

/// What containerd tells while the daemon runs.
enum RuntimeSignal: Sendable, Hashable {
    case exited(id: String, status: UInt32)
    /// Events may have been missed: look at everything.
    case resynchronize
}
