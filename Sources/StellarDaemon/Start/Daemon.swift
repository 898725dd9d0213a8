import Glibc
public import Logging
import ServiceLifecycle
import StellarCore
import StellarRPC
import StellarStore
import UnixSignals

/// The daemon: everything of one node, from its configuration.
///
/// It starts from the ground up: data directory, storage, ports (one that is taken ends it before it has touched the host),
/// network, and then the services that run until it stops: reconcile loop, nameserver, gossip, API. They stop in the
/// opposite order, in bounded time. Containers are not touched by either: a daemon that starts again finds and adopts them. It waits for no other node.
public struct Daemon: Sendable {
    /// Every service ends by itself well within this; one that hangs must not keep the node from restarting.
    static let stopLimit = Duration.seconds(15)

    private let configuration: DaemonConfiguration
    private let logger: Logger

    /// - Throws: ``ConfigurationError``.
    public init(_ configuration: DaemonConfiguration, logger: Logger) throws {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: ``StartError`` and the errors of the parts, each in one line that names the thing and the fix.
    public func run() async throws {
        // A peer that goes away must not end the daemon: writing to it then fails with EPIPE instead.
        signal(SIGPIPE, SIG_IGN)
        // It asks for certificates to be read again, once there are any (``ReloadService``).
        signal(SIGHUP, SIG_IGN)
        guard geteuid() == 0 else {
            throw StartError(
                "stellar server makes bridges and network namespaces and needs root; run it with sudo",
                status: .notPermitted
            )
        }
        let claims = try HostClaims(configuration)
        defer { claims.release() }
        // From here on a signal stops the daemon in order, also one that comes while it starts.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let context = DaemonContext(configuration, logger: logger)
        do {
            try await serve(try await start(context), until: signals, context)
        } catch {
            await context.resources.close()
            throw error
        }
        await context.resources.close()
        logger.info("stopped; containers go on")
    }

    /// Builds all parts, takes the ports, and then changes the host.
    ///
    /// - Returns: What runs, in the order in which it starts.
    private func start(_ context: DaemonContext) async throws -> [any ServiceLifecycle.Service] {
        let cluster = try ClusterArea.make(context)
        let disk = try await StoreArea.open(context)
        let network = try await NetworkArea.make(context, disk, gossip: cluster.gossip)
        let runtime = RuntimeArea.make(context, disk, network, gossip: cluster.gossip)
        let operations = try cluster.operations(context, disk.store)
        let storePeers = try ClusterArea.storePeers(context, operations)
        disk.store.connect(storePeers)
        let api = try await APIArea.bind(services(context, disk, network, runtime, operations), context)

        // From here on other nodes may know of this one, so that comes last of the ports; then the host is changed.
        try await cluster.bind(context)
        try await network.prepare(context)
        try await network.files.prepareDirectory()
        try await runtime.reconciler.load()
        await network.nodeNetwork.onSubnetChange { try await runtime.reconciler.readdress() }
        // Before the API, so that the first container finds a node that is alone, or comes back, ready; the nameserver too.
        try await network.nodeNetwork.load()
        try await api.accept(context)
        let (store, records) = (disk.store, disk.records)
        let names = RemoteNames(own: context.node.id, store: store, records: records, gossip: cluster.gossip)
        let trust = StoreTrust(configuration, isEncrypted: cluster.keys.keyring != nil)
        return [
            StoreService(store: store),
            ReconcileService(reconciler: runtime.reconciler, runtime: runtime.runtime),
            FactsService(reconciler: runtime.reconciler, names: names, capacity: .ofThisMachine()),
            RecordService(records: records), NetworkKeeper(network: network.nodeNetwork),
            ReloadService(server: api.service.servers[0], logger: context.logger("rpc")),
            GossipService(gossip: cluster.gossip),
            StoreSynchronizationService(store: store, gossip: cluster.gossip, peers: storePeers, trust: trust),
            api.service,
        ]
    }

    /// The services behind the API.
    private func services(
        _ context: DaemonContext,
        _ disk: StoreArea,
        _ network: NetworkArea,
        _ runtime: RuntimeArea,
        _ cluster: ClusterOperations
    ) -> [RPCService] {
        let (reconciler, problems) = (runtime.reconciler, context.problems)
        let nodes: @Sendable () async -> [NodeView] = { await cluster.nodes() }
        let apps = AppCoordinator(
            reconciler: reconciler,
            remote: { RemoteNode(view: $0, clients: cluster.clients) },
            nodes: nodes,
            logger: context.logger("apps")
        )
        let health = HealthService(
            startedAt: WallClock.now(),
            problems: { await problems.current() },
            peers: { await cluster.nodes().filter { !$0.isSelf && $0.status == .alive } }
        )
        let view = AppsView(reconciler: reconciler, nodes: nodes)
        return [
            VersionService(runtime: runtime.runtime).service,
            health.service,
            ClusterService(cluster: cluster, health: health, runtime: runtime.runtime).service,
            NodeService(runtime: runtime.runtime, port: runtime.port, apps: apps).service,
            ApplicationService(apps: apps, view: view, problems: { await problems.current(.containers) }).service,
            PeerAppsService(node: LocalNode(reconciler: reconciler)).service,
            NetworkService(addresses: disk.addresses, network: network.nodeNetwork).service,
            NameserverService(records: disk.records).service,
            SchedulerService().service,
            DatastoreService(store: disk.store).service,
            PeerStoreService(store: disk.store).service,
            PeerNodeService(cluster: cluster, health: health, runtime: runtime.runtime).service,
        ]
    }

    private func serve(
        _ services: [any ServiceLifecycle.Service],
        until signals: UnixSignalsSequence,
        _ context: DaemonContext
    ) async throws {
        // At debug it writes whole services into the log.
        var logger = context.logger("lifecycle")
        logger.logLevel = max(logger.logLevel, .info)
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
            },
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = Self.stopLimit
        configuration.maximumCancellationDuration = Self.stopLimit
        let group = ServiceGroup(configuration: configuration)
        async let _ = { for await _ in signals { await group.triggerGracefulShutdown() } }()
        try await group.run()
    }
}
