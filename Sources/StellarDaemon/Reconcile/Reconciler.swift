import Logging
import StellarCore
import StellarRPC
import StellarSystem

/// Makes this node run what it should, and nothing else of ours.
///
/// What should run is the desired state: apps and the assignment of their slots, on the disk before anyone is told. What
/// runs is what containerd and the kernel say. Calls change the first, and the same code that a crash, an exit or a
/// reboot sets in motion brings the second after it. What is begun is in the journal first, so that the next start
/// finishes or undoes it.
///
/// Order is kept by two turns: one per app for what people ask (a create is whole before the next begins), and one per
/// slot for everything that touches the slot's container.
actor Reconciler {
    /// How often to look whether everything runs, beside containerd's events (the period of the original).
    static let period = Duration.seconds(15)

    let node: Node
    let runner: SlotRunner
    let store: StateStore
    let addresses: AddressBook
    let records: RecordBook
    let logger: Logger
    let queue = JobQueue()
    let appTurn = KeyedLock<String>()
    let slotTurn = KeyedLock<ContainerID>()
    private let recoveryTurn = KeyedLock<Int>()

    var apps: [String: DesiredApp] = [:]
    var statuses: [ContainerID: SlotStatus] = [:]
    var journal: [ContainerID: SlotOperation] = [:]
    var trackers: [ContainerID: RestartTracker<ContinuousClock.Instant>] = [:]
    /// Ended for good: did its work, or failed as often as it may.
    var atRest: Set<ContainerID> = []
    /// Of processes that were not known to run yet when they ended.
    var earlyExits: [ContainerID: Exit] = [:]
    /// Changes with everything that makes a restart that was planned before pointless.
    var restartTickets: [ContainerID: Int] = [:]
    /// Ends the work of a create under way, for the app's delete.
    var aborts: [String: AsyncStream<Void>.Continuation] = [:]
    /// Accepted, but withdrawn as a whole if an image cannot be had: their creates alone are at them.
    var awaitingImages: Set<String> = []
    var unreadable: [String: String] = [:]
    /// What is being removed in the background.
    var removals: Set<String> = []
    private var isRecovered = false

    struct Exit: Sendable, Hashable {
        /// nil when it is not known.
        var status: UInt32?
    }

    init(node: Node, runner: SlotRunner, store: StateStore, addresses: AddressBook, records: RecordBook, logger: Logger)
    {
        self.node = node
        self.runner = runner
        self.store = store
        self.addresses = addresses
        self.records = records
        self.logger = logger
    }

    /// Reads the desired state and the journal. Nothing of the host is touched.
    func load() async throws {
        let state = try await store.load()
        apps = state.apps
        journal = state.journal
        unreadable = state.unreadable
        for (name, reason) in unreadable.sorted(by: { $0.key < $1.key }) {
            logger.error(
                "stored app does not read; it is left as it is",
                metadata: ["app": "\(name)", "reason": "\(reason)"]
            )
        }
        for slot in slots { statuses[slot.id] = SlotStatus() }
    }

    /// The slots this node should run.
    var slots: [Slot] { apps.values.flatMap { $0.slots(on: node.id) } }

    func slot(_ id: ContainerID) -> Slot? {
        guard let app = apps[id.app], app.assignment[id] == node.id else { return nil }
        return app.app.service(named: id.service).map { Slot(id: id, service: $0) }
    }

    /// Works until cancelled: jobs, the events of containerd, and a look around every ``period``.
    func run(events: some AsyncSequence<RuntimeSignal, Never> & Sendable) async {
        let queue = queue
        await withDiscardingTaskGroup { group in
            group.addTask { await queue.run() }
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
        try await sweep(observed)
        isRecovered = true
        reconcile(observed)
    }

    private func lookAround() async {
        do {
            guard isRecovered else { return try await recover() }
            reconcile(try await runner.runtime.containers())
        } catch {
            // A daemon that stops has nothing to complain about.
            guard !Task.isCancelled else { return }
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
