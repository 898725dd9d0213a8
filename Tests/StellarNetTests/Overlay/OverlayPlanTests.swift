import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

struct OverlayPlanTests {
    private static let own = IPv4Address(10, 0, 0, 1)

    private func subnet(_ text: String) throws -> IPv4Subnet { try #require(IPv4Subnet(text)) }

    private func peers() throws -> [OverlayPeer] {
        [
            OverlayPeer(node: "c", subnet: try subnet("172.16.8.0/22"), address: IPv4Address(10, 0, 0, 3)),
            OverlayPeer(node: "b", subnet: try subnet("172.16.4.0/22"), address: IPv4Address(10, 0, 0, 2)),
        ]
    }

    private func plan(
        _ mode: OverlayMode,
        peers: [OverlayPeer]? = nil,
        added: [AddedRoute] = []
    ) throws -> OverlayPlan {
        let plan = OverlayPlan(
            mode,
            subnet: try subnet("172.16.0.0/22"),
            address: Self.own,
            peers: try peers ?? self.peers(),
            added: added
        )
        return try #require(plan)
    }

    private func route(_ text: String, via gateway: IPv4Address, link: Int32? = 2) throws -> Route {
        Route(
            destination: try subnet(text),
            gateway: gateway,
            link: link,
            source: IPv4Address(172, 16, 0, 1),
            origin: OverlayState.origin
        )
    }

    @Test func routesLeadToTheAddressesOfHosts() throws {
        let plan = try plan(.routes)
        #expect(plan.source == IPv4Address(172, 16, 0, 1) && plan.device == nil && plan.hops == [])
        #expect(
            plan.routes.map { "\($0.destination) \($0.gateway) \($0.node ?? "")" } == [
                "172.16.4.0/22 10.0.0.2 b", "172.16.8.0/22 10.0.0.3 c",
            ]
        )
        #expect(plan.routes.allSatisfy { !$0.isOnDevice })
    }

    @Test func throughTheTunnelRoutesLeadToGateways() throws {
        let plan = try plan(.vxlan(networkID: 77, port: 4789))
        #expect(
            plan.routes.map { "\($0.destination) \($0.gateway)" } == [
                "172.16.4.0/22 172.16.4.1", "172.16.8.0/22 172.16.8.1",
            ]
        )
        #expect(plan.hops.map(\.remote) == [IPv4Address(10, 0, 0, 2), IPv4Address(10, 0, 0, 3)])
        #expect(plan.hops[0].hardwareAddress == [0x0a, 0x73, 172, 16, 4, 0])
        #expect(plan.device?.tunnel == VXLANTunnel(networkID: 77, port: 4789, local: Self.own))
        // The address that the other nodes have in their entries.
        #expect(plan.device?.hardwareAddress == [0x0a, 0x73, 172, 16, 0, 0])
    }

    /// A route has the MTU of a host that takes smaller packets than this one; a tunnel makes all packets fit.
    @Test func theSmallerMTUOfAnotherHostCounts() throws {
        var peers = try peers()
        (peers[0].mtu, peers[1].mtu) = (1400, 9000)
        func plan(_ mode: OverlayMode) throws -> OverlayPlan? {
            OverlayPlan(mode, subnet: try subnet("172.16.0.0/22"), address: Self.own, mtu: 1500, peers: peers)
        }
        let routes = try #require(try plan(.routes))
        #expect(routes.routes.map(\.mtu) == [nil, 1400])
        let tunnel = try #require(try plan(.vxlan(networkID: 1, port: 1)))
        #expect(tunnel.routes.map(\.mtu) == [nil, nil] && tunnel.hops.map(\.mtu) == [9000, 1400])
        // A route whose MTU differs is changed.
        var present = try route("172.16.8.0/22", via: IPv4Address(10, 0, 0, 3))
        let other = try route("172.16.4.0/22", via: IPv4Address(10, 0, 0, 2))
        #expect(OverlayState(routes: [present, other]).steps(to: routes).steps.count == 1)
        present.mtu = 1400
        #expect(OverlayState(routes: [present, other]).steps(to: routes).steps == [])
    }

    /// Overlapping claims, another node with this node's address, added routes into the cluster.
    @Test func conflictingPeersAndRoutesAreLeftOut() throws {
        let odd = [
            OverlayPeer(node: "x", subnet: try subnet("172.16.0.0/23"), address: IPv4Address(10, 0, 0, 8)),
            OverlayPeer(node: "y", subnet: try subnet("172.16.4.0/24"), address: IPv4Address(10, 0, 0, 9)),
            OverlayPeer(node: "z", subnet: try subnet("172.16.12.0/22"), address: Self.own),
        ]
        let added = [
            AddedRoute(destination: try subnet("192.168.9.0/24"), target: IPv4Address(10, 0, 0, 200)),
            AddedRoute(destination: try subnet("172.16.5.0/24"), target: IPv4Address(10, 0, 0, 201)),
            AddedRoute(destination: try subnet("0.0.0.0/0"), target: IPv4Address(10, 0, 0, 202)),
        ]
        let plan = try plan(.vxlan(networkID: 1, port: 1), peers: try peers() + odd, added: added)
        #expect(plan.routes.map(\.destination.description) == ["172.16.4.0/22", "172.16.8.0/22", "192.168.9.0/24"])
        #expect(plan.routes.map(\.isOnDevice) == [true, true, false])
        #expect(plan.hops.count == 2)
    }

    @Test func onlyDifferencesAreSteps() throws {
        let plan = try plan(.routes)
        var state = OverlayState()
        #expect(state.steps(to: plan).steps.count == 2)
        let (first, second) = (
            try route("172.16.4.0/22", via: IPv4Address(10, 0, 0, 2)),
            try route("172.16.8.0/22", via: IPv4Address(10, 0, 0, 3))
        )
        state.routes = [first, second]
        #expect(state.steps(to: plan).steps == [])
        // A node has another address, another was forgotten.
        let forgotten = try route("172.16.12.0/22", via: IPv4Address(10, 0, 0, 4))
        state.routes = [first, try route("172.16.8.0/22", via: IPv4Address(10, 0, 0, 9)), forgotten]
        var wanted = second
        wanted.link = nil
        #expect(state.steps(to: plan).steps == [.deleteRoute(forgotten), .setRoute(wanted, isChange: true)])
    }

    @Test func routesOfOtherProgramsAreNotTouched() throws {
        let plan = try plan(.routes)
        var byHand = try route("172.16.4.0/22", via: IPv4Address(10, 0, 0, 50))
        byHand.origin = Route.byAdministrator
        var ofASecondDaemon = try route("10.9.4.0/22", via: IPv4Address(10, 0, 0, 51))
        ofASecondDaemon.source = IPv4Address(10, 9, 0, 1)
        var elsewhere = try route("192.168.0.0/16", via: IPv4Address(10, 0, 0, 52))
        elsewhere.origin = 2
        let state = OverlayState(routes: [byHand, ofASecondDaemon, elsewhere])
        let (steps, blocked) = state.steps(to: plan)
        let third = try route("172.16.8.0/22", via: IPv4Address(10, 0, 0, 3), link: nil)
        #expect(steps == [.setRoute(third, isChange: false)])
        #expect(blocked.map(\.wanted.node) == ["b"] && blocked.first?.by == byHand)
    }

    /// The longest match wins, so the route to the node is made, and the other program's route is reported.
    @Test func aForeignRouteToAPartOfASubnetIsReported() throws {
        let plan = try plan(.routes)
        var part = try route("172.16.5.0/24", via: IPv4Address(10, 0, 0, 50))
        part.origin = Route.byAdministrator
        let (steps, blocked) = OverlayState(routes: [part]).steps(to: plan)
        #expect(steps.count == 2)
        #expect(blocked.map(\.wanted.node) == ["b"] && blocked.first?.by == part)
    }

    /// From any state the steps lead to the plan: after them no step is left.
    @Test(arguments: UInt64(1)...40)
    func stepsLeadToThePlan(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let device = try #require(try Self.device())
        func somePeers() -> [OverlayPeer] {
            (1..<12).filter { _ in Bool.random(using: &generator) }.compactMap { index in
                let network = IPv4Address(172, 16, UInt8(index * 4), 0)
                let host = UInt8.random(in: 2...30, using: &generator)
                return IPv4Subnet(containing: network, prefixLength: 22).map {
                    OverlayPeer(node: "n\(index)", subnet: $0, address: IPv4Address(10, 0, 0, host))
                }
            }
        }
        var state = OverlayState(device: device)
        for _ in 0..<30 {
            let mode = OverlayMode.vxlan(networkID: 1, port: 4789)
            let plan = try plan(Bool.random(using: &generator) ? mode : .routes, peers: somePeers())
            let before = state
            for step in state.steps(to: plan).steps { state.perform(step) }
            #expect(state.steps(to: plan).steps == [], "from \(before) to \(plan)")
            #expect(Set(state.routes.map(\.destination)) == Set(plan.routes.map(\.destination)))
            #expect(Set(state.forwarding.map(\.remote)) == Set(plan.hops.map(\.remote)))
        }
    }

    private static func device() throws -> Link? {
        let message = LinkRequest.createBridge("vx").finished(sequence: 1)
        return try NetlinkParser.messages(in: message[...]).first.flatMap { try Link($0) }
    }
}

extension OverlayState {
    /// Performs a step like the kernel.
    fileprivate mutating func perform(_ step: Step) {
        switch step {
        case .deleteRoute(let route): routes.removeAll { $0 == route }
        case .deleteNeighbour(let entry): neighbours.removeAll { $0.address == entry.address }
        case .deleteForwarding(let entry): forwarding.removeAll { $0.hardwareAddress == entry.hardwareAddress }
        case .setForwarding(let entry):
            forwarding.removeAll { $0.hardwareAddress == entry.hardwareAddress }
            forwarding.append(entry)
        case .setNeighbour(let entry):
            neighbours.removeAll { $0.address == entry.address }
            neighbours.append(entry)
        case .setRoute(let route, _):
            routes.removeAll { $0.destination == route.destination }
            routes.append(route)
        }
    }
}
