package import Logging
package import StellarStorage
package import StellarSystem
import Synchronization

/// The replicated store of one node: a ``StoreMachine``, which decides everything, on SQLite.
///
/// What the machine holds is on the disk. Every change, a write of this node or one that another node made, waits in one
/// queue. What waits becomes one transaction, and the machine commits it once it is on the disk. So many writers share a
/// flush, and no write is acknowledged or passed on that a power loss could undo.
///
/// A store that is open takes writes at once: until ``run()`` begins, the tasks of its writers commit them. ``run()`` commits
/// while it runs; when it is cancelled, the store stops and refuses writes. ``synchronize(gossip:peers:trust:)`` connects it
/// with other nodes; without it, it is the store of a node that is alone.
package final class ReplicatedStore: Sendable {
    struct State {
        var machine: StoreMachine
        var random: RandomSource
        var phase = Phase.open
        var queue: [StoreJob] = []
        /// Whether a task commits what is queued.
        var isCommitting = false
        /// Live nodes except this one.
        var alive: Set<String> = []
        /// nil: this node knows no other.
        var peers: (any StorePeers)?
        /// Why the last transaction could not be written.
        var problem: String?
        /// Exchanges that other nodes have opened.
        var visitors = 0
        /// The deadline of ``timer``.
        var timerDeadline: MonotonicTime?
        /// Tasks that wait until another node reports how far it is, by the number of the wait.
        var reportAlarms: [Int: Alarm] = [:]
        var reportAlarmNumber = 0
    }

    /// Who commits what is queued.
    enum Phase {
        /// The tasks of the writers.
        case open
        /// ``run()``.
        case running
        /// Nothing is committed any more.
        case stopped
    }

    package let node: String
    package let database: Database
    let logger: Logger
    let clock: HostClock
    let state: Mutex<State>
    let readers = FeedReaders<StoreFeed.Backlog>()
    /// Wakes ``run()`` to commit.
    let commits: Alarm
    /// Wakes ``run()`` at the machine's deadline.
    let timer: Alarm
    /// Messages for the network. Where it is slow, the oldest are dropped: other nodes find later that they miss them.
    let outgoing: AsyncStream<StoreEffect>
    let send: AsyncStream<StoreEffect>.Continuation
    /// Exchanges that the machine wants; it wants one at a time.
    let exchanges: AsyncStream<StoreEffect>
    let exchange: AsyncStream<StoreEffect>.Continuation

    private static let maximumOutgoing = 1024

    private init(
        node: String,
        database: Database,
        machine: StoreMachine,
        clock: HostClock,
        random: RandomSource,
        logger: Logger
    ) {
        self.node = node
        self.database = database
        self.clock = clock
        self.logger = logger
        (commits, timer) = (Alarm(clock: clock), Alarm(clock: clock))
        state = Mutex(State(machine: machine, random: random))
        (outgoing, send) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.maximumOutgoing))
        (exchanges, exchange) = AsyncStream.makeStream()
    }

    /// Opens the store on a database, and migrates what a file of the first format has to writes of this node.
    package static func open(
        _ database: Database,
        node: String,
        configuration: StoreConfiguration = StoreConfiguration(),
        clock: HostClock = .system,
        random: RandomSource = .system,
        logger: Logger
    ) async throws -> ReplicatedStore {
        let (image, undecodable) = try await database.read { try StoreImage.read($0) }
        for reason in undecodable {
            logger.error("cannot decode a stored entry; it stays on the disk", metadata: ["reason": "\(reason)"])
        }
        var random = random
        let machine = StoreMachine(
            name: node,
            image: image,
            configuration: configuration,
            now: StoreTime(clock),
            using: &random
        )
        let store = ReplicatedStore(
            node: node,
            database: database,
            machine: machine,
            clock: clock,
            random: random,
            logger: logger
        )
        try await store.migrate()
        return store
    }

    // MARK: Reads

    /// The entry of a key, also a tombstone.
    package func entry(_ bucket: String, _ key: String) -> StoreEntry? {
        state.withLock { $0.machine.entry(StoreKey(bucket, key)) }
    }

    /// The live entry of a key.
    package func value(_ bucket: String, _ key: String) -> StoreEntry? {
        state.withLock { $0.machine.value(StoreKey(bucket, key)) }
    }

    /// The live entries whose keys begin with `prefix`, in the order of keys.
    package func entries(_ bucket: String, prefix: String = "") -> [StoreEntry] {
        state.withLock { $0.machine.entries(bucket, prefix: prefix) }
    }

    /// All entries with the tombstones, in the order of keys.
    package var everything: [StoreEntry] { state.withLock { $0.machine.everything } }

    /// What this copy has, at one moment.
    package func snapshot() -> (vector: VersionVector, entries: Int, quarantined: [StoreQuarantined]) {
        state.withLock { state in
            let machine = state.machine
            return (machine.vector, machine.count - machine.tombstoneCount, machine.quarantined)
        }
    }

    /// The changes of a bucket from now on, made by any node.
    package func changes(in bucket: String) -> StoreFeed { StoreFeed(reader: readers.reader(.init(bucket: bucket))) }

    /// Whether this node has compared all it holds with another node since it started.
    package var hasExchanged: Bool { state.withLock { $0.machine.isSynced } }

    /// The same, or no other node is alive.
    package var hasSynced: Bool { state.withLock { $0.machine.isSynced || $0.alive.isEmpty } }

    /// By node, up to which of this node's writes it has reported to have all.
    package func seen() -> [String: StoreStamp] { state.withLock { $0.machine.watermarks } }

    /// Up to which stamp this node has the writes of another one on its disk.
    package func stamp(of origin: String) -> StoreStamp { state.withLock { $0.machine.vector[origin] } }

    /// Why nothing can be written now.
    package var problem: String? { state.withLock { $0.problem } }

    /// The stamp of this node's last write.
    package var ownStamp: StoreStamp { state.withLock { $0.machine.ownStamp } }

    // MARK: Writes

    /// Writes, in one transaction with what `alongside` writes into tables of this node alone.
    ///
    /// - Throws: ``StoreError``; `StorageError`; what `alongside` throws. Then nothing was written.
    @discardableResult
    package func write(
        _ changes: [StoreChange],
        durability: Database.Durability = .durable,
        alongside: @escaping @Sendable (Connection) throws -> Void = { _ in }
    ) async throws -> [StoreEntry] {
        try await submit(.write(changes), durability: durability, alongside: alongside)
    }

    /// Applies entries that another node sent; those that are older than what is known here are dropped.
    package func take(_ entries: [StoreEntry]) async throws {
        try await submit(.take(entries))
    }

    /// Writes quarantined entries again, as writes of now. Those that are not quarantined any more are left out.
    package func accept(_ entries: [StoreEntry]) async throws -> [StoreEntry] { try await submit(.accept(entries)) }

    /// Removes entries from quarantine.
    package func drop(_ entries: [StoreEntry]) async throws { try await submit(.drop(entries)) }

    /// Stops waiting for a node that does not come back.
    package func forget(_ name: String) {
        update { state in
            state.alive.remove(name)
            state.machine.forget(name)
        }
    }
}
