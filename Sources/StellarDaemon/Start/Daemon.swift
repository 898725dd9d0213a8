import Glibc
public import Logging
import ServiceLifecycle
import StellarAPI
import StellarCore
import StellarGossip
import StellarNet
import StellarRPC
import StellarRuntime
import StellarStorage
import StellarStore
import StellarSystem
import UnixSignals

/// The daemon: everything of one node, from its configuration.
///
/// It starts from the ground up: data directory, storage, ports (one that is taken ends it before it has touched the host),
/// network, and then the services that run until it stops: reconcile loop, nameserver, gossip, API. They stop in the
/// opposite order, in bounded time. Containers are not touched by either: a daemon that starts again finds them and takes
/// them over. It waits for no other node.
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
        let keys = try findKeys()
        let gossip = try makeGossip(keys.keyring)
        let database = try await Database.open(path: "\(configuration.dataDirectory)/stellar.db")
        let runtime = ContainerRuntime(
            address: configuration.containerdAddress,
            namespace: configuration.namespace,
            logger: Logger(label: "stellar.runtime", like: logger)
        )
        do {
            let parts = try await prepare(database, runtime, gossip, keys)
            try await serve(parts)
            for clients in parts.clients { await clients.close() }
        } catch {
            await runtime.close()
            await database.close()
            throw error
        }
        await runtime.close()
        await database.close()
        logger.info("stopped; containers go on")
    }

    /// What runs, and in which order it starts.
    private struct Parts: Sendable {
        var services: [any ServiceLifecycle.Service]
        var clients: [NodeClients]
    }

    private var keyringFile: KeyringFile { KeyringFile(path: configuration.keyringPath) }

    private func findKeys() throws -> GossipKeySource.Found {
        let found = try GossipKeySource.load(configuration.gossipKey, file: keyringFile)
        if let warning = found.warning { logger.warning("\(warning)") }
        return found
    }

    private func makeGossip(_ keyring: Keyring?) throws -> NodeGossip {
        let announcement = NodeAnnouncement(
            address: configuration.announcedAddress,
            labels: Labels(configuration.nodeLabels)
        )
        let (metadata, left) = try announcement.metadata()
        if !left.isEmpty {
            logger.warning(
                "the labels do not fit into what gossip carries (512 bytes); other nodes do not see some of them",
                metadata: ["labels": "\(left.joined(separator: ","))"]
            )
        }
        for warning in configuration.gossipWarnings(isEncrypted: keyring != nil) { logger.warning("\(warning)") }
        return try NodeGossip(
            configuration,
            keyring: keyring,
            metadata: metadata,
            logger: Logger(label: "stellar.gossip", like: logger)
        )
    }

    private func prepare(
        _ database: Database,
        _ runtime: ContainerRuntime,
        _ gossip: NodeGossip,
        _ keys: GossipKeySource.Found
    ) async throws -> Parts {
        let store = try await ReplicatedStore.open(
            database,
            node: configuration.nodeID,
            logger: Logger(label: "stellar.store", like: logger)
        )
        let addresses = AddressBook(store: store, database: database)
        try await addresses.load()
        let records = RecordBook(store: store)
        for name in records.load() {
            logger.error("stored records do not read; they are left as they are", metadata: ["name": "\(name)"])
        }
        let files = HostFiles(dataDirectory: configuration.dataDirectory)
        let network = try makeNetwork()
        let nameserver = try makeNameserver(records)
        let nodeNetwork = NodeNetwork(
            try networkSettings(),
            store: store,
            database: database,
            gossip: gossip,
            host: HostSubnet(network: network, nameserver: nameserver),
            addresses: addresses,
            files: files,
            logger: Logger(label: "stellar.network", like: logger)
        )
        await addresses.beforeAllocating { try await nodeNetwork.confirmedSubnet() }
        let node = Node(
            id: configuration.nodeID,
            address: configuration.announcedAddress,
            labels: Labels(configuration.nodeLabels)
        )
        var pullOptions = PullOptions()
        if !configuration.registryHostsDirectories.isEmpty {
            pullOptions.registry.hostsDirectories = configuration.registryHostsDirectories
        }
        let port = ContainerdPort(runtime: runtime, pullOptions: pullOptions)
        let reconciler = Reconciler(
            node: node,
            runner: SlotRunner(
                runtime: port,
                network: HostNetwork(network: network, nodeNetwork: nodeNetwork),
                files: files,
                processes: HostProcesses(namespace: configuration.namespace),
                puller: ImagePuller(runtime: port)
            ),
            book: LiveAppBook(store: store, logger: Logger(label: "stellar.apps", like: logger)),
            journal: JournalBook(database: database),
            addresses: addresses,
            records: records,
            awaitsOthers: {
                guard await !gossip.peers().isEmpty else { return false }
                let isAlone = await !gossip.members().contains { !$0.isSelf && $0.state == .alive }
                return isAlone || !store.hasSynced
            },
            logger: Logger(label: "stellar.reconcile", like: logger)
        )
        let problems: @Sendable () -> [String] = {
            [network.problem, nameserver.problem, store.problem].compactMap { $0 }
        }
        let cluster = ClusterOperations(
            own: node,
            gossip: gossip,
            keyring: KeyringKeeper(keys.keyring, file: keyringFile, gossip: gossip),
            store: store,
            clients: try makeClients()
        )
        let peers = NodeStorePeers(cluster: cluster, clients: try makeClients())
        store.connect(peers)
        let nodes: @Sendable () async -> [NodeView] = { await cluster.nodes() }
        let apps = AppCoordinator(
            reconciler: reconciler,
            remote: { RemoteNode(view: $0, clients: cluster.clients) },
            nodes: nodes,
            logger: Logger(label: "stellar.apps", like: logger)
        )
        let view = AppsView(reconciler: reconciler, nodes: nodes)
        let names = RemoteNames(own: node.id, store: store, records: records, gossip: gossip)
        let health = HealthService(
            startedAt: WallClock.now(),
            problems: {
                let runtime = [await reconciler.problem].compactMap { $0 }
                return problems() + runtime + (await nodeNetwork.problems) + (await gossip.problems())
            },
            peers: { await cluster.nodes().filter { !$0.isSelf && $0.status == .alive } }
        )
        let api = try await bind([
            VersionService(runtime: runtime).service,
            health.service,
            ClusterService(cluster: cluster, health: health, runtime: runtime).service,
            NodeService(runtime: runtime, port: port, apps: apps).service,
            ApplicationService(apps: apps, view: view, problems: problems).service,
            PeerAppsService(node: LocalNode(reconciler: reconciler)).service,
            NetworkService(addresses: addresses, network: nodeNetwork).service,
            NameserverService(records: records).service,
            SchedulerService().service,
            DatastoreService(store: store).service,
            PeerStoreService(store: store).service,
        ])

        // From here on others may hear of this node, so that comes last of the ports; then the host is changed.
        try await gossip.bind(configuration)
        if keys.isNew, let keyring = keys.keyring { try keyringFile.save(keyring) }
        try await prepare(network)
        try await files.prepareDirectory()
        try await reconciler.load()
        await nodeNetwork.onSubnetChange { try await reconciler.readdress() }
        // Before the API, so that the first container finds a node that is alone, or comes back, ready; the nameserver too.
        try await nodeNetwork.load()
        try await accept(api)
        let reload = ReloadService(server: api.servers[0], logger: Logger(label: "stellar.rpc", like: logger))
        let services: [any ServiceLifecycle.Service] = [
            StoreService(store: store),
            ReconcileService(reconciler: reconciler, runtime: runtime),
            FactsService(reconciler: reconciler, names: names, capacity: .ofThisMachine()),
            RecordService(records: records), NetworkKeeper(network: nodeNetwork), reload,
            GossipService(gossip: gossip),
            StoreSynchronizationService(
                store: store,
                gossip: gossip,
                peers: peers,
                trust: StoreTrust(configuration, isEncrypted: keys.keyring != nil)
            ),
            api,
        ]
        return Parts(services: services, clients: [cluster.clients, peers.clients])
    }

    private func makeClients() throws -> NodeClients {
        NodeClients(tls: try configuration.clientTLS(), logger: Logger(label: "stellar.rpc", like: logger))
    }

    private func serve(_ parts: Parts) async throws {
        var group = ServiceGroupConfiguration(
            services: parts.services.map {
                .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "stellar.lifecycle", like: logger)
        )
        group.maximumGracefulShutdownDuration = Self.stopLimit
        group.maximumCancellationDuration = Self.stopLimit
        try await ServiceGroup(configuration: group).run()
    }

    private func networkSettings() throws -> NodeNetwork.Settings {
        let port = UInt16(truncatingIfNeeded: configuration.vxlanPort)
        return NodeNetwork.Settings(
            node: configuration.nodeID,
            network: try IPv4Subnet.parse(configuration.subnet),
            address: HostPort(configuration.advertiseAddress).flatMap { IPv4Address($0.host) },
            overlay: configuration.overlay == .routes
                ? .routes : .vxlan(networkID: UInt32(truncatingIfNeeded: configuration.vxlanID), port: port),
            hasPeers: !configuration.peers.isEmpty
        )
    }

    private func makeNetwork() throws -> ContainerNetwork {
        var settings = ContainerNetworkConfiguration(
            nodeID: configuration.nodeID,
            subnet: nil,
            peerAddress: configuration.grpcAddress,
            socket: configuration.socketPath
        )
        settings.bridge = configuration.bridge
        settings.network = try IPv4Subnet.parse(configuration.subnet)
        settings.stateDirectory = configuration.stateDirectory
        settings.ownPluginDirectory = Self.executableDirectory()
        if !configuration.cniBinPaths.isEmpty { settings.pluginPaths = configuration.cniBinPaths }
        settings.pluginTimeout = configuration.cniTimeout
        return ContainerNetwork(settings, logger: Logger(label: "stellar.network", like: logger))
    }

    private func prepare(_ network: ContainerNetwork) async throws {
        do {
            try await network.prepare()
        } catch let error as NetworkError {
            // Each create that needs a network retries and reports it; loopback-only containers work.
            logger.error("network not ready", metadata: ["reason": "\(error.message)"])
        }
    }

    private func makeNameserver(_ records: RecordBook) throws -> NodeNameserver {
        var configured: DNSUpstream?
        if !configuration.upstreamDNSAddress.isEmpty {
            guard let upstream = DNSUpstream(configuration.upstreamDNSAddress) else {
                throw StartError("UpstreamDNSAddr: \"\(configuration.upstreamDNSAddress)\" is not host:port")
            }
            let gateways = try IPv4Subnet.parse(configuration.subnet).nodeSubnets().compactMap(\.gateway)
            guard !gateways.contains(where: { $0.description == upstream.host }) else {
                throw StartError("UpstreamDNSAddr: \(upstream) is a node's own nameserver; name one that it can ask")
            }
            configured = upstream
        }
        let zone = ZoneCache(records: records)
        let others = try configuration.nameserverClients.map { try IPv4Subnet.parse($0) }
        let (upstream, logger) = (configured, Logger(label: "stellar.nameserver", like: logger))
        return NodeNameserver { subnet, gateway in
            let text = upstream == nil ? ProcFile.read("/etc/resolv.conf") ?? "" : ""
            return Nameserver(
                NameserverConfiguration(
                    address: gateway,
                    upstreams: upstream.map { [$0] }
                        ?? ResolverConfiguration.upstreams(resolvConf: text, excluding: gateway),
                    clients: NameserverConfiguration.clients(of: subnet) + others
                ),
                zone: { zone.current() },
                logger: logger
            )
        }
    }

    private func bind(_ services: [RPCService]) async throws -> APIService {
        let health = RPCHealth()
        for service in services { health.set(.serving, for: service.name) }
        health.set(.serving)
        let reflection = try RPCReflection(services: services + [health.service], files: StellarAPIDescriptors.files)
        let all = (services + [health.service] + reflection.services).map { $0.authorized(by: AllowEveryone()) }
        let rpcLogger = Logger(label: "stellar.rpc", like: logger)

        var tcp = RPCServerConfiguration()
        if !configuration.tlsServerCertificate.isEmpty {
            tcp.tls = RPCTLSConfiguration.Server(
                identity: .init(
                    certificateChainFile: configuration.tlsServerCertificate,
                    privateKeyFile: configuration.tlsServerKey
                ),
                clientCertificates: configuration.tlsServerClientCA.isEmpty
                    ? .none : .require(.file(configuration.tlsServerClientCA))
            )
        }
        guard let address = HostPort(configuration.grpcAddress) else {
            throw StartError("GRPCAddress: \"\(configuration.grpcAddress)\" is not host:port")
        }
        let server = RPCServer(services: all, configuration: tcp, logger: rpcLogger)
        _ = try await Self.bind(server, .tcp(host: address.host, port: address.port)) { error in
            guard error.code == .alreadyExists else {
                let files = error.tls == nil ? "" : " (the files of --tls-cert, --tls-key and --tls-client-ca)"
                return "GRPCAddress: \(error.message)\(files)"
            }
            let holder = PortHolder.ofTCP(port: address.port).map { " by \($0)" } ?? ""
            return "GRPCAddress: \(address) is taken\(holder); stop it, or set another port with --agent-port"
        }
        // The state directory is ours alone, so a socket that is there is what a killed daemon left.
        unlink(configuration.socketPath)
        let local = RPCServer(services: all, configuration: RPCServerConfiguration(), logger: rpcLogger)
        _ = try await Self.bind(local, .unix(path: configuration.socketPath)) { "StateDir: \($0.message)" }
        return APIService(servers: [server, local], health: health)
    }

    private func accept(_ api: APIService) async throws {
        for server in api.servers { try await server.accept() }
        logger.info(
            "serving",
            metadata: [
                "address": "\(configuration.grpcAddress)", "socket": "\(configuration.socketPath)",
                "node": "\(configuration.nodeID)", "gossip": "\(configuration.clusterAddress)",
            ]
        )
    }

    private static func bind(
        _ server: RPCServer,
        _ address: RPCAddress,
        explain: (RPCError) -> String
    ) async throws -> RPCAddress {
        do {
            return try await server.bind(address, accepts: false)
        } catch {
            let error = RPCError(of: error)
            throw StartError(explain(error), status: error.tls == nil ? .failure : .badConfiguration)
        }
    }

    private static func executableDirectory() -> String {
        let path = Disk.linkTarget("/proc/self/exe")
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
    }
}

extension Logger {
    /// A logger of the same level and the same kind of handler.
    fileprivate init(label: String, like logger: Logger) {
        self.init(label: label) { label in StandardErrorLog(label: label, level: logger.logLevel) }
    }
}
