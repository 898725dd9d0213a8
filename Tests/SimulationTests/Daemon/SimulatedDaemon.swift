import Logging
import StellarCore
import StellarStorage
import StellarStore
import StellarSystem

@testable import StellarDaemon

/// One life of a daemon: the shipped store, books, reconciler, coordinator and views, on a simulated host, disk and clock.
final class SimulatedDaemon: @unchecked Sendable {
    // why: one thread runs everything of a simulation.

    let database: Database
    let store: ReplicatedStore
    let addresses: AddressBook
    let records: RecordBook
    let reconciler: Reconciler
    let apps: AppCoordinator
    let view: AppsView
    let node: LocalNode
    /// Events of containerd.
    let signals: AsyncStream<RuntimeSignal>.Continuation
    private let events: AsyncStream<RuntimeSignal>
    private let gossip: SimulatedStoreGossip
    private let peers: SimulatedStorePeers

    static let silent = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })

    init(_ life: SimulatedLife, in cluster: ClusterSimulation) async throws {
        let (own, host, clock) = (cluster.node(life.index), cluster.hosts[life.index], cluster.clock(of: life))
        database = try await Database.open(path: cluster.diskPath(life.index), executor: life.disk)
        life.database = database
        store = try await ReplicatedStore.open(
            database,
            node: own.id,
            configuration: ClusterSimulation.storeConfiguration,
            clock: clock,
            random: RandomSource { cluster.draw() },
            logger: Self.silent
        )
        addresses = AddressBook(store: store, database: database)
        try await addresses.load()
        try await addresses.use(cluster.subnet(life.index))
        records = RecordBook(store: store)
        records.load()
        (gossip, peers) = (
            SimulatedStoreGossip(life: life, cluster: cluster), SimulatedStorePeers(life: life, cluster: cluster)
        )
        store.connect(peers)
        let (store, nodes) = (store, { @Sendable () async -> [NodeView] in cluster.views(of: life.index) })
        reconciler = Reconciler(
            node: own,
            runner: SlotRunner(
                runtime: host,
                network: host,
                files: host,
                processes: host,
                puller: ImagePuller(runtime: host),
                clock: clock
            ),
            book: LiveAppBook(store: store, clock: clock, logger: Self.silent),
            journal: JournalBook(database: database),
            addresses: addresses,
            records: records,
            awaitsOthers: {
                let isAlone = !cluster.views(of: life.index).contains { !$0.isSelf && $0.status == .alive }
                return isAlone || !store.hasSynced
            },
            clock: clock,
            logger: Self.silent
        )
        try await reconciler.load()
        apps = AppCoordinator(
            reconciler: reconciler,
            remote: { SimulatedRemoteNode(life: life, index: cluster.index(of: $0.id), cluster: cluster) },
            nodes: nodes,
            logger: Self.silent
        )
        view = AppsView(reconciler: reconciler, nodes: nodes)
        node = LocalNode(reconciler: reconciler)
        (events, signals) = AsyncStream.makeStream(of: RuntimeSignal.self)
        signals.yield(.resynchronize)
    }

    func run() async {
        let capacity = NodeCapacity(platform: "linux/amd64", cpuMillis: 64_000, memory: 256 << 30)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.store.run() }
            group.addTask { await self.store.synchronize(gossip: self.gossip, peers: self.peers) }
            group.addTask { await self.records.run() }
            group.addTask { await self.reconciler.run(events: self.events) }
            group.addTask { await self.reconciler.reportFacts() }
            group.addTask { await self.reconciler.report(capacity) }
        }
    }
}

/// A process: from the start of a daemon until its crash.
final class SimulatedLife: @unchecked Sendable {
    // why: one thread runs everything of a simulation.
    let index: Int
    let executor: LifeExecutor
    /// nil until the daemon has read its disk.
    var daemon: SimulatedDaemon?
    var database: Database?
    var report: (@Sendable (StoreGossipNews) -> Void)?
    private(set) var disk: DiskExecutor

    init(_ index: Int, _ executor: LifeExecutor, _ disk: DiskExecutor) {
        (self.index, self.executor, self.disk) = (index, executor, disk)
    }

    var isAlive: Bool { executor.isAlive }
}
