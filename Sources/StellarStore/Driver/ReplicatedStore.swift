package import Logging
package import StellarStorage
import StellarSystem
import Synchronization

/// The replicated store of one node: SQLite and a ``StoreMachine``, which decides everything: what counts, what others are
/// told, when they are asked.
///
/// What the machine holds is on the disk. Whatever changes it, a write of this node or news of another, waits in one queue;
/// what waits becomes one transaction, and the machine learns of it when that is on the disk. So many writers at once share
/// a flush, and nobody hears of a write that a power loss could take back.
///
/// Without ``run(gossip:peers:)`` it is the store of a node that is alone.
package final class ReplicatedStore: Sendable {
    /// Jobs of one transaction. While it is written others wait, so it must not grow without end.
    static let maximumGroup = 512

    struct State {
        var machine: StoreMachine
        var random = SystemRandomNumberGenerator()
        var queue: [Job] = []
        var isCommitting = false
        /// Live nodes but this one.
        var present: Set<String> = []
        /// nil: this node knows nobody.
        var peers: (any StorePeers)?
        /// Why the last transaction could not be written.
        var problem: String?
        /// Exchanges that other nodes have opened.
        var visitors = 0
        /// Sleeps until the machine's deadline.
        var alarm: Alarm?
        /// Sleep until another node has told how far it is.
        var naps: [Int: Task<Void, Never>] = [:]
        var napNumber = 0
    }

    /// When the machine is called next, and the sleep until then.
    struct Alarm {
        var deadline: MonotonicTime
        var sleep: Task<Void, Never>
    }

    /// What waits for its transaction.
    struct Job: Sendable {
        var input: StoreInput
        var durability = Database.Durability.durable
        var alongside: (@Sendable (Connection) throws -> Void)?
        /// nil: nobody waits.
        var done: CheckedContinuation<[StoreEntry], any Error>?
    }

    package let node: String
    package let database: Database
    let logger: Logger
    let state: Mutex<State>
    let readers = FeedReaders<StoreFeed.Backlog>()
    /// For the network; the oldest are dropped where it is slow: what is lost is found missing later.
    let outgoing: AsyncStream<StoreEffect>
    private let send: AsyncStream<StoreEffect>.Continuation
    /// Exchanges that the machine wants; it wants one at a time.
    let exchanges: AsyncStream<StoreEffect>
    private let exchange: AsyncStream<StoreEffect>.Continuation

    private static let maximumOutgoing = 1024

    private init(node: String, database: Database, machine: StoreMachine, logger: Logger) {
        self.node = node
        self.database = database
        self.logger = logger
        state = Mutex(State(machine: machine))
        (outgoing, send) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.maximumOutgoing))
        (exchanges, exchange) = AsyncStream.makeStream()
    }

    /// Reads what is on the disk; what a file of the first format has becomes writes of this node.
    package static func open(_ database: Database, node: String, logger: Logger) async throws -> ReplicatedStore {
        let (image, unreadable) = try await database.read { try StoreImage.read($0) }
        for reason in unreadable {
            logger.error("a stored entry does not read and is left as it is", metadata: ["reason": "\(reason)"])
        }
        var random = SystemRandomNumberGenerator()
        let machine = StoreMachine(name: node, image: image, now: .now, using: &random)
        let store = ReplicatedStore(node: node, database: database, machine: machine, logger: logger)
        try await store.adopt()
        return store
    }

    // MARK: Reads

    package func entry(_ bucket: String, _ key: String) -> StoreEntry? {
        state.withLock { $0.machine.entry(StoreKey(bucket, key)) }
    }

    /// The live entry of a key.
    package func value(_ bucket: String, _ key: String) -> StoreEntry? {
        state.withLock { $0.machine.value(StoreKey(bucket, key)) }
    }

    package func entries(_ bucket: String, prefix: String = "") -> [StoreEntry] {
        state.withLock { $0.machine.entries(bucket, prefix: prefix) }
    }

    /// Tombstones, too, in the order of keys.
    package var everything: [StoreEntry] { state.withLock { $0.machine.everything } }

    /// What there is to tell of this copy, at one moment.
    package func snapshot() -> (vector: VersionVector, entries: Int, quarantined: [StoreQuarantined]) {
        state.withLock { state in
            let machine = state.machine
            return (machine.vector, machine.count - machine.tombstoneCount, machine.quarantined)
        }
    }

    package func changes(in bucket: String) -> StoreFeed { StoreFeed(reader: readers.reader(.init(bucket: bucket))) }

    package var hasExchanged: Bool { state.withLock { $0.machine.isSynced } }

    package var hasSynced: Bool { state.withLock { $0.machine.isSynced || $0.present.isEmpty } }

    package func seen() -> [String: StoreStamp] { state.withLock { $0.machine.watermarks } }

    /// Up to where this node has another one's writes, on its disk.
    package func stamp(of origin: String) -> StoreStamp { state.withLock { $0.machine.vector[origin] } }

    /// Why nothing can be written now, in words.
    package var problem: String? { state.withLock { $0.problem } }

    /// This node's last write.
    package var ownStamp: StoreStamp { state.withLock { $0.machine.ownStamp } }

    // MARK: Writes

    @discardableResult
    package func write(
        _ changes: [StoreChange],
        durability: Database.Durability = .durable,
        alongside: @escaping @Sendable (Connection) throws -> Void = { _ in }
    ) async throws -> [StoreEntry] {
        try await submit(.write(changes), durability: durability, alongside: alongside)
    }

    package func take(_ entries: [StoreEntry]) async throws {
        try await submit(.take(entries))
    }

    /// Returns when it is on the disk and in the machine. Cancelling the task does not take it back.
    @discardableResult
    package func submit(
        _ input: StoreInput,
        durability: Database.Durability = .durable,
        alongside: (@Sendable (Connection) throws -> Void)? = nil
    ) async throws -> [StoreEntry] {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job(input: input, durability: durability, alongside: alongside, done: continuation)
            update { $0.queue.append(job) }
        }
    }

    /// Writes anew what was put aside. What is not aside any more is left out.
    package func accept(_ entries: [StoreEntry]) async throws -> [StoreEntry] { try await submit(.accept(entries)) }

    /// Gives up what was put aside.
    package func drop(_ entries: [StoreEntry]) async throws { try await submit(.drop(entries)) }

    // MARK: The queue

    /// Changes the state, and does what the machine wants done after it.
    func update<R>(_ body: (inout State) throws -> R) rethrows -> R {
        var effects: [StoreEffect] = []
        var mustCommit = false
        defer {
            // What was thrown at may have wanted something all the same.
            for effect in effects { perform(effect) }
            if mustCommit { Task { await self.commitAll() } }
        }
        return try state.withLock { state in
            defer {
                for effect in state.machine.takeEffects() {
                    switch effect {
                    // Here, so that every reader gets the changes in the order in which they happened.
                    case .changed(let entries): readers.push(entries)
                    case .store(let input): state.queue.append(Job(input: input))
                    default: effects.append(effect)
                    }
                }
                mustCommit = !state.queue.isEmpty && !state.isCommitting
                if mustCommit { state.isCommitting = true }
                if let alarm = state.alarm, state.machine.deadline < alarm.deadline { alarm.sleep.cancel() }
            }
            return try body(&state)
        }
    }

    private func perform(_ effect: StoreEffect) {
        switch effect {
        case .broadcast, .send: send.yield(effect)
        case .exchange: exchange.yield(effect)
        case .seen: wakeNaps()
        case .quarantined(let writes):
            for write in writes {
                logger.warning(
                    "a write is kept aside: nobody can tell whether it should count",
                    metadata: [
                        "bucket": "\(write.entry.key.bucket)", "key": "\(write.entry.key.key)",
                        "origin": "\(write.entry.origin)", "reason": "\(write.reason.rawValue)",
                    ]
                )
            }
        case .changed, .store: break
        }
    }

    private func commitAll() async {
        while true {
            let jobs = state.withLock { state in
                let jobs = Array(state.queue.prefix(Self.maximumGroup))
                state.queue.removeFirst(jobs.count)
                if jobs.isEmpty { state.isCommitting = false }
                return jobs
            }
            if jobs.isEmpty { return }
            await commit(jobs)
        }
    }

    private func commit(_ jobs: [Job]) async {
        var jobs = jobs
        while !jobs.isEmpty {
            let inputs = jobs.map(\.input)
            let transaction = state.withLock { $0.machine.begin(inputs, now: .now) }
            let outcomes = Self.outcomes(of: jobs, transaction)
            do {
                if try await put(transaction, jobs: jobs, outcomes: outcomes) { noteProblem(nil) }
            } catch let failure as AlongsideFailure {
                // It is the fault of one, and the others need not suffer for it.
                jobs.remove(at: failure.index).done?.resume(throwing: failure.error)
                continue
            } catch {
                noteProblem("the store cannot be written: \(error)")
                for job in jobs { job.done?.resume(throwing: error) }
                return
            }
            update { $0.machine.commit(transaction, now: .now) }
            for (job, outcome) in zip(jobs, outcomes) { job.done?.resume(with: outcome) }
            return
        }
    }

    /// Logs what is new alone: others go on sending what cannot be kept.
    private func noteProblem(_ problem: String?) {
        let before = state.withLock { state in
            defer { state.problem = problem }
            return state.problem
        }
        if let problem, before == nil {
            logger.error("\(problem); what other nodes write is taken over when it can be written again")
        } else if problem == nil, before != nil {
            logger.notice("the store can be written again")
        }
    }

    /// What each job gets once the transaction is on the disk.
    private static func outcomes(of jobs: [Job], _ transaction: StoreTransaction) -> [Result<[StoreEntry], any Error>] {
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
        jobs: [Job],
        outcomes: [Result<[StoreEntry], any Error>]
    ) async throws -> Bool {
        // What is refused writes nothing beside it either.
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
