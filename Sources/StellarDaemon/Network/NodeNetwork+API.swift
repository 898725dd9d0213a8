import StellarCore
import StellarNet
import StellarStore

/// What health and the API report of the network, and the routes that people add.
extension NodeNetwork {
    var standing: SubnetClaims.Standing { claims.standing }

    /// What does not work, one problem an entry.
    var problems: [String] {
        var problems: [String] = []
        switch claims.standing {
        case .unclaimed, .confirming, .held: break
        case .disputed(let subnet, let node):
            problems.append(
                "subnet \(subnet) is disputed: node \(node) has an older claim; node \(settings.node) claims another subnet"
            )
        case .exhausted(let reason): problems.append(reason)
        }
        if let overlayProblem { problems.append("overlay: \(overlayProblem)") }
        for route in outcome.routes {
            guard let problem = route.problem else { continue }
            let owner = route.node.map { " of node \($0)" } ?? ""
            problems.append("overlay: route to \(route.destination)\(owner): \(problem)")
        }
        return problems + mismatches.map { "overlay: \($0)" }
    }

    /// All claims as they stand, and this host's routes to them.
    func overview() -> NetworkOverview {
        NetworkOverview(
            node: settings.node,
            network: settings.network,
            mode: settings.overlay,
            standing: claims.standing,
            table: SubnetTable(storedClaims),
            facts: facts(),
            outcome: outcome,
            waiting: usableSubnet == nil ? whyUnconfirmed : ""
        )
    }

    /// The subnets that the cluster's network is cut into.
    func allSubnets() -> [IPv4Subnet] { (try? settings.network.nodeSubnets()) ?? [] }

    /// The subnet of a node whose claim stands; nil for other nodes.
    func knownSubnet(of node: String) -> IPv4Subnet? {
        SubnetTable(storedClaims).standing.first { $0.node == node }?.subnet
    }

    /// This node's subnet, once containers may start on it; another node's where its claim stands.
    func subnet(of node: String) async throws -> IPv4Subnet {
        guard !node.isEmpty else { throw SubnetError(.invalidArgument, "node is empty: a subnet belongs to a node") }
        if node == settings.node { return try await confirmedSubnet() }
        if let subnet = knownSubnet(of: node) { return subnet }
        throw SubnetError(.failedPrecondition, "node \(node) has no subnet; its own daemon claims one when it joins")
    }

    /// The routes to the nodes' subnets, each by its host's address, and those that people added.
    func routes() -> [AddedRoute] {
        let facts = facts()
        let nodes = SubnetTable(storedClaims).standing.compactMap { claim in
            facts[claim.node].map { AddedRoute(destination: claim.subnet, target: $0.address) }
        }
        return (nodes + addedRoutes).sorted { $0.destination < $1.destination }
    }

    /// Adds or replaces a route on all nodes.
    func addRoute(_ route: AddedRoute) async throws {
        if let claim = SubnetTable(storedClaims).standing.first(where: { $0.subnet.overlaps(route.destination) }) {
            throw SubnetError(
                .failedPrecondition,
                "cannot add a route to \(route.destination): it overlaps subnet \(claim.subnet) of node \(claim.node); "
                    + "the daemons make the routes to nodes' subnets"
            )
        }
        let value = Array("\(route.destination):\(route.target)".utf8)
        try await store.write([StoreChange(StoreBucket.network, NetworkKeys.routes + "\(route.destination)", value)])
    }

    /// Removes an added route from all nodes; a missing one is fine.
    func deleteRoute(_ destination: IPv4Subnet) async throws {
        let key = NetworkKeys.routes + "\(destination)"
        guard store.value(StoreBucket.network, key) != nil else { return }
        try await store.write([StoreChange(StoreBucket.network, key, nil)])
    }
}
