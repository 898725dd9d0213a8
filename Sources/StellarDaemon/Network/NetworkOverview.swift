import StellarAPI
import StellarCore
import StellarNet
import StellarStore

/// The cluster's network as one node sees it.
struct NetworkOverview: Sendable {
    var node: String
    var network: IPv4Subnet
    var mode: OverlayMode
    var standing: SubnetClaims.Standing
    var table: SubnetTable
    var facts: [String: NetworkFact]
    var outcome: Overlay.Outcome
    /// Why containers may not start on this node; empty where they may.
    var waiting: String

    /// The state of a claim that stands.
    private func state(_ claim: SubnetClaim) -> String {
        if claim.node == node, case .confirming = standing { return "confirming" }
        return "held"
    }

    func message() -> NetworkOverviewResponse {
        var message = NetworkOverviewResponse()
        message.node = node
        message.network = network.description
        message.overlay = mode.name
        if case .vxlan(let networkID, let port) = mode {
            (message.vxlanID, message.vxlanPort) = (networkID, UInt32(port))
        }
        message.mtu = outcome.mtu ?? 0
        message.waiting = waiting
        let routes = Dictionary(outcome.routes.map { ($0.destination, $0) }, uniquingKeysWith: { first, _ in first })
        for claim in table.standing {
            var item = self.item(claim, state(claim), "")
            if let route = routes[claim.subnet] { item.route = Self.route(route) }
            message.claims.append(item)
        }
        for (claim, holder) in table.yielding { message.claims.append(item(claim, "disputed", holder.node)) }
        message.added = outcome.routes.filter { $0.node == nil }.map(Self.route)
        return message
    }

    private func item(_ claim: SubnetClaim, _ state: String, _ holder: String) -> NetworkClaim {
        var item = NetworkClaim()
        item.node = claim.node
        item.cidr = claim.subnet.description
        item.gateway = claim.subnet.gateway?.description ?? ""
        item.state = state
        item.holder = holder
        item.address = facts[claim.node]?.address.description ?? ""
        item.overlay = facts[claim.node]?.overlay ?? ""
        item.claimed = StoreStamp(rawValue: claim.stamp).timestamp
        return item
    }

    private static func route(_ status: Overlay.RouteStatus) -> NetworkWay {
        var route = NetworkWay()
        route.cidr = status.destination.description
        route.gateway = status.gateway.description
        route.problem = status.problem ?? ""
        return route
    }
}
