import Logging
import StellarCore
import StellarStorage
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// The daemon's handling of apps, on a fake host and a real database, without API and gossip.
struct FakeDaemon: Sendable {
    var store: ReplicatedStore
    var reconciler: Reconciler
    var apps: AppCoordinator
    var view: AppsView
    var addresses: AddressBook
    var records: RecordBook
    /// The events of containerd.
    var signals: AsyncStream<RuntimeSignal>.Continuation
    private var events: AsyncStream<RuntimeSignal>

    /// Makes a daemon, which does nothing by itself before ``run()``.
    ///
    /// - Parameters:
    ///   - remote: makes the calls to another node.
    ///   - nodes: all nodes, as this node sees them.
    init(
        _ node: Node,
        on host: FakeHost,
        _ database: Database,
        remote: @escaping @Sendable (NodeView) -> any AppNode,
        nodes: @escaping @Sendable () async -> [NodeView],
        awaitsOthers: @escaping @Sendable () async -> Bool = { false },
        recordsWait: Duration = Reconciler.recordsLimit
    ) async throws {
        let logger = FakeClusterNode.silent
        store = try await ReplicatedStore.alone(database, node: node.id)
        addresses = AddressBook(store: store, database: database)
        try await addresses.load()
        try await addresses.use(try IPv4Subnet.parse("172.16.0.0/22"))
        records = RecordBook(store: store)
        reconciler = Reconciler(
            node: node,
            runner: SlotRunner(
                runtime: host,
                network: host,
                files: host,
                processes: host,
                puller: ImagePuller(runtime: host)
            ),
            book: LiveAppBook(store: store, logger: logger),
            journal: JournalBook(database: database),
            addresses: addresses,
            records: records,
            awaitsOthers: awaitsOthers,
            recordsWait: recordsWait,
            logger: logger
        )
        try await reconciler.load()
        apps = AppCoordinator(reconciler: reconciler, remote: remote, nodes: nodes, logger: logger)
        view = AppsView(reconciler: reconciler, nodes: nodes)
        (events, signals) = AsyncStream.makeStream(of: RuntimeSignal.self)
    }

    func run() async { await reconciler.run(events: events) }
}
