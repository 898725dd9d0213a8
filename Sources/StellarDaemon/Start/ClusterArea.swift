import Logging
import StellarCore
import StellarGossip
import StellarRPC
import StellarStore

/// This node among the others: gossip with its keys, and calls to other nodes.
struct ClusterArea: Sendable {
    var gossip: NodeGossip
    var keys: GossipKeySource.Found
    var keyringFile: KeyringFile

    static func make(_ context: DaemonContext) throws -> ClusterArea {
        let file = KeyringFile(path: context.configuration.keyringPath)
        let keys = try keys(context, file)
        let gossip = try gossip(keys.keyring, context)
        context.problems.register(.node) { await gossip.problems() }
        return ClusterArea(gossip: gossip, keys: keys, keyringFile: file)
    }

    private static func keys(_ context: DaemonContext, _ file: KeyringFile) throws -> GossipKeySource.Found {
        let found = try GossipKeySource.load(context.configuration.gossipKey, file: file)
        if let warning = found.warning { context.logger("gossip").warning("\(warning)") }
        return found
    }

    private static func gossip(_ keyring: Keyring?, _ context: DaemonContext) throws -> NodeGossip {
        let (configuration, logger) = (context.configuration, context.logger("gossip"))
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
            logger: logger
        )
    }

    /// What all nodes are asked for, and what changes something on all of them.
    func operations(_ context: DaemonContext, _ store: ReplicatedStore) throws -> ClusterOperations {
        ClusterOperations(
            own: context.node,
            gossip: gossip,
            keyring: KeyringKeeper(keys.keyring, file: keyringFile, gossip: gossip),
            store: store,
            clients: try Self.clients(context)
        )
    }

    /// The stores of the other nodes, over connections of their own: those of other calls are closed when a call is late.
    static func storePeers(_ context: DaemonContext, _ cluster: ClusterOperations) throws -> NodeStorePeers {
        NodeStorePeers(cluster: cluster, clients: try clients(context))
    }

    private static func clients(_ context: DaemonContext) throws -> NodeClients {
        let clients = NodeClients(tls: try context.configuration.clientTLS(), logger: context.logger("rpc"))
        context.resources.add { await clients.close() }
        return clients
    }

    /// Other nodes may send to this one from now on.
    func bind(_ context: DaemonContext) async throws {
        try await gossip.bind(context.configuration)
        if keys.isNew, let keyring = keys.keyring { try keyringFile.save(keyring) }
    }
}
