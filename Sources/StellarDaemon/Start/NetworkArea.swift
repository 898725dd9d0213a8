import Logging
import StellarCore
import StellarNet
import StellarSystem

/// The containers' network: bridge and firewall, this node's subnet, routes to the other nodes, the nameserver.
struct NetworkArea: Sendable {
    var network: ContainerNetwork
    var nameserver: NodeNameserver
    var nodeNetwork: NodeNetwork
    var files: HostFiles

    /// Nothing of the host is changed before ``prepare(_:)``.
    static func make(_ context: DaemonContext, _ disk: StoreArea, gossip: NodeGossip) async throws -> NetworkArea {
        let network = try network(context)
        let nameserver = try nameserver(disk.records, context)
        let files = HostFiles(dataDirectory: context.configuration.dataDirectory)
        let nodeNetwork = NodeNetwork(
            try settings(context.configuration),
            store: disk.store,
            database: disk.database,
            gossip: gossip,
            host: HostSubnet(network: network, nameserver: nameserver),
            addresses: disk.addresses,
            files: files,
            logger: context.logger("network")
        )
        await disk.addresses.beforeAllocating { try await nodeNetwork.confirmedSubnet() }
        context.problems.register(.containers) { [network.problem, nameserver.problem].compactMap { $0 } }
        context.problems.register(.node) { await nodeNetwork.problems }
        return NetworkArea(network: network, nameserver: nameserver, nodeNetwork: nodeNetwork, files: files)
    }

    private static func settings(_ configuration: DaemonConfiguration) throws -> NodeNetwork.Settings {
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

    private static func network(_ context: DaemonContext) throws -> ContainerNetwork {
        let configuration = context.configuration
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
        return ContainerNetwork(settings, logger: context.logger("network"))
    }

    /// Changes the host: bridge, firewall, and what follows from the node's subnet.
    func prepare(_ context: DaemonContext) async throws {
        do {
            try await network.prepare()
        } catch let error as NetworkError {
            // Each create that needs a network retries and reports it; loopback-only containers work.
            context.logger("network").error("network not ready", metadata: ["reason": "\(error.message)"])
        }
    }

    /// The configured resolver for other names; nil where the host's own are used.
    private static func upstream(_ configuration: DaemonConfiguration) throws -> DNSUpstream? {
        guard !configuration.upstreamDNSAddress.isEmpty else { return nil }
        guard let upstream = DNSUpstream(configuration.upstreamDNSAddress) else {
            throw StartError("UpstreamDNSAddr: \"\(configuration.upstreamDNSAddress)\" is not host:port")
        }
        let gateways = try IPv4Subnet.parse(configuration.subnet).nodeSubnets().compactMap(\.gateway)
        guard !gateways.contains(where: { $0.description == upstream.host }) else {
            throw StartError("UpstreamDNSAddr: \(upstream) is a node's own nameserver; name another resolver")
        }
        return upstream
    }

    private static func nameserver(_ records: RecordBook, _ context: DaemonContext) throws -> NodeNameserver {
        let configuration = context.configuration
        let zone = ZoneCache(records: records)
        let others = try configuration.nameserverClients.map { try IPv4Subnet.parse($0) }
        let (upstream, logger) = (try upstream(configuration), context.logger("nameserver"))
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

    private static func executableDirectory() -> String {
        let path = Disk.linkTarget("/proc/self/exe")
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
    }
}
