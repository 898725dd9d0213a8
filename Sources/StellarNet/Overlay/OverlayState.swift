import StellarCore

/// What the kernel has of the overlay, and the steps from there to the plan: pure, the netlink calls are ``Overlay``'s.
struct OverlayState: Hashable {
    /// The routing protocol number of our routes (`rtm_protocol`). Numbers above 4 belong to daemons; this one is in nobody's
    /// list (iproute2, etc/iproute2/rt_protos).
    static let origin: UInt8 = 83

    /// All routes of the main table.
    var routes: [Route] = []
    /// The overlay's device.
    var device: Link?
    /// The entries on it.
    var neighbours: [Neighbour] = []
    var forwarding: [ForwardingEntry] = []

    /// One step, in the order in which they are to be done.
    enum Step: Hashable {
        case deleteRoute(Route)
        case deleteNeighbour(Neighbour)
        case deleteForwarding(ForwardingEntry)
        case setForwarding(ForwardingEntry)
        case setNeighbour(Neighbour)
        /// Adds it, or changes our own to the same destination.
        case setRoute(Route, isChange: Bool)
    }

    /// Whether the route is this node's own: of our number, and with this node's gateway as its source. Another daemon on
    /// the host has another; when a gateway's address goes, the kernel takes its routes along.
    func isOurs(_ route: Route, _ plan: OverlayPlan) -> Bool {
        route.origin == Self.origin && route.source == plan.source
    }

    /// The steps, and the wanted routes that lead nowhere because somebody else has one to the same network or a part of it.
    func steps(to plan: OverlayPlan) -> (steps: [Step], blocked: [(wanted: OverlayPlan.Wanted, by: Route)]) {
        var steps: [Step] = []
        var blocked: [(wanted: OverlayPlan.Wanted, by: Route)] = []
        let wanted = plan.routes.map { wanted in
            Route(
                destination: wanted.destination,
                gateway: wanted.gateway,
                link: wanted.isOnDevice ? device?.index : nil,
                source: plan.source,
                origin: Self.origin,
                isOnLink: wanted.isOnDevice,
                mtu: wanted.mtu
            )
        }
        let destinations = Set(wanted.map(\.destination))
        for route in routes where isOurs(route, plan) && !destinations.contains(route.destination) {
            steps.append(.deleteRoute(route))
        }
        steps += deviceSteps(to: plan)
        for (item, route) in zip(plan.routes, wanted) {
            let present = routes.filter { $0.destination == route.destination && $0.metric == route.metric }
            if let ours = present.first(where: { isOurs($0, plan) }) {
                if !Self.isAlike(ours, route) { steps.append(.setRoute(route, isChange: true)) }
            } else if let foreign = present.first {
                blocked.append((item, foreign))
            } else {
                steps.append(.setRoute(route, isChange: false))
            }
            // The kernel takes the longest match: what somebody sends a part of a node's subnet to elsewhere is lost for us.
            let astray = routes.first {
                route.destination.contains($0.destination) && $0.destination != route.destination && !isOurs($0, plan)
            }
            if item.node != nil, let astray { blocked.append((item, astray)) }
        }
        return (steps, blocked)
    }

    private func deviceSteps(to plan: OverlayPlan) -> [Step] {
        guard let device else { return [] }
        var steps: [Step] = []
        let gateways = Set(plan.hops.map(\.gateway))
        let hardware = Set(plan.hops.map(\.hardwareAddress))
        // What the kernel found out by itself, such as its own multicast groups, is not permanent.
        for entry in neighbours where entry.state == Neighbour.permanent && !gateways.contains(entry.address) {
            steps.append(.deleteNeighbour(entry))
        }
        for entry in forwarding where !hardware.contains(entry.hardwareAddress) {
            steps.append(.deleteForwarding(entry))
        }
        for hop in plan.hops {
            let entry = ForwardingEntry(link: device.index, hardwareAddress: hop.hardwareAddress, remote: hop.remote)
            if !forwarding.contains(entry) { steps.append(.setForwarding(entry)) }
            let isThere = neighbours.contains {
                $0.address == hop.gateway && $0.hardwareAddress == hop.hardwareAddress
                    && $0.state == Neighbour.permanent
            }
            if !isThere {
                let address = hop.hardwareAddress
                steps.append(
                    .setNeighbour(Neighbour(link: device.index, address: hop.gateway, hardwareAddress: address))
                )
            }
        }
        return steps
    }

    /// The kernel fills in the interface where none was asked for.
    private static func isAlike(_ present: Route, _ wanted: Route) -> Bool {
        present.gateway == wanted.gateway && (wanted.link == nil || present.link == wanted.link)
            && present.source == wanted.source && present.mtu == wanted.mtu
    }
}
