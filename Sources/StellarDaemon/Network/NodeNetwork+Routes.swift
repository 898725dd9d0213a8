import Logging
import StellarCore
import StellarNet
import StellarStorage
import StellarStore

/// The routes to the other nodes' containers.
extension NodeNetwork {
    /// By node: what it reports of its network, for nodes with a claim.
    func facts() -> [String: NetworkFact] {
        var facts: [String: NetworkFact] = [:]
        for claim in storedClaims { facts[claim.node] = store.network(of: claim.node) }
        return facts
    }

    /// The routes that people added.
    var addedRoutes: [AddedRoute] {
        NetworkKeys.added(store.entries(StoreBucket.network, prefix: NetworkKeys.routes))
    }

    /// Reports this host's address in the store, and brings the host's routes to what all nodes report.
    func applyRoutes() async throws {
        guard let subnet = move.hostSubnet else { return }
        guard let address = settings.address else {
            guard storedClaims.contains(where: { $0.node != settings.node }) else { return }
            overlayProblem =
                "node \(settings.node) advertises no IPv4 address, so no node has a route to its containers; "
                + "set one with --advertise-addr"
            return
        }
        let mtu = try await host.linkMTU(at: address)
        let own = NetworkFact(address: address, mode: settings.overlay, mtu: mtu)
        if store.network(of: settings.node) != own {
            try await store.write([StoreChange(NodeFacts.networkKey(settings.node), own.encoded)])
        }
        let facts = facts()
        mismatches = facts.sorted { $0.key < $1.key }.compactMap { own.mismatch(with: $0.value, of: $0.key) }
        let plan = OverlayPlan(
            settings.overlay,
            subnet: subnet,
            address: address,
            mtu: mtu,
            peers: peers(facts),
            added: addedRoutes
        )
        if let plan { try await apply(plan) }
    }

    private func peers(_ facts: [String: NetworkFact]) -> [OverlayPeer] {
        SubnetTable(storedClaims).standing.filter { $0.node != settings.node }.compactMap { claim in
            facts[claim.node].map {
                OverlayPeer(node: claim.node, subnet: claim.subnet, address: $0.address, mtu: $0.mtu)
            }
        }
    }

    private func apply(_ plan: OverlayPlan) async throws {
        let before = Set(outcome.routes)
        do {
            outcome = try await host.apply(plan)
            overlayProblem = nil
            try await host.setMTU(outcome.mtu, isRenewed: outcome.hadTunnel)
        } catch let error as NetworkError {
            overlayProblem = error.message
            throw error
        }
        for route in outcome.routes where !before.contains(route) {
            guard let problem = route.problem else { continue }
            logger.error("route not usable", metadata: ["to": "\(route.destination)", "reason": "\(problem)"])
        }
    }
}
