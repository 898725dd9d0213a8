import StellarCore

/// What the kernel has of the overlay, and the steps from there to a plan: pure; ``Overlay`` makes the netlink calls.
struct OverlayState: Hashable {
    /// The routing protocol number of our routes (`rtm_protocol`). Numbers above 4 belong to daemons; this one is not assigned
    /// (iproute2, etc/iproute2/rt_protos).
    static let origin: UInt8 = 83

    /// All routes of the main table.
    var routes: [Route] = []
    /// The overlay's device.
    var device: Link?
    /// The neighbours on the device.
    var neighbours: [Neighbour] = []
    var forwarding: [ForwardingEntry] = []

    /// One change of the kernel's state.
    enum Step: Hashable {
        case deleteRoute(Route)
        case deleteNeighbour(Neighbour)
        case deleteForwarding(ForwardingEntry)
        case setForwarding(ForwardingEntry)
        case setNeighbour(Neighbour)
        /// Adds it, or changes our route to the same destination.
        case setRoute(Route, isChange: Bool)
    }

    /// Whether this daemon made the route: it has our number, and this node's gateway as its source. Another daemon on the host
    /// has another source; when a gateway's address goes, the kernel deletes its routes.
    func isOurs(_ route: Route, _ plan: OverlayPlan) -> Bool {
        route.origin == Self.origin && route.source == plan.source
    }

    /// The steps, in their order, and the wanted routes that another program's route to the same network, or a part of it,
    /// blocks.
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
            // The kernel takes the longest match: another program's route to a part of a node's subnet wins there.
            let foreignPart = routes.first {
                route.destination.contains($0.destination) && $0.destination != route.destination && !isOurs($0, plan)
            }
            if item.node != nil, let foreignPart { blocked.append((item, foreignPart)) }
        }
        return (steps, blocked)
    }

    private func deviceSteps(to plan: OverlayPlan) -> [Step] {
        guard let device else { return [] }
        var steps: [Step] = []
        let gateways = Set(plan.hops.map(\.gateway))
        let hardware = Set(plan.hops.map(\.hardwareAddress))
        // Entries that the kernel made by itself, such as its own multicast groups, are not permanent.
        for entry in neighbours where entry.state == Neighbour.permanent && !gateways.contains(entry.address) {
            steps.append(.deleteNeighbour(entry))
        }
        for entry in forwarding where !hardware.contains(entry.hardwareAddress) {
            steps.append(.deleteForwarding(entry))
        }
        for hop in plan.hops {
            let entry = ForwardingEntry(link: device.index, hardwareAddress: hop.hardwareAddress, remote: hop.remote)
            if !forwarding.contains(entry) { steps.append(.setForwarding(entry)) }
            let isPresent = neighbours.contains {
                $0.address == hop.gateway && $0.hardwareAddress == hop.hardwareAddress
                    && $0.state == Neighbour.permanent
            }
            if !isPresent {
                let address = hop.hardwareAddress
                steps.append(
                    .setNeighbour(Neighbour(link: device.index, address: hop.gateway, hardwareAddress: address))
                )
            }
        }
        return steps
    }

    /// Whether two routes are alike; the kernel fills in the interface where the wanted route has none.
    private static func isAlike(_ present: Route, _ wanted: Route) -> Bool {
        present.gateway == wanted.gateway && (wanted.link == nil || present.link == wanted.link)
            && present.source == wanted.source && present.mtu == wanted.mtu
    }
}
