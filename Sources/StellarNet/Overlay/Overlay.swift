import Glibc
public import StellarCore

/// Applies an ``OverlayPlan`` to the kernel: routes, and in mode `vxlan` the device with its neighbours.
///
/// It changes what differs from the plan. It never touches routes, devices and entries of other programs.
public struct Overlay: Sendable, Hashable {
    /// The node's bridge, which the device is named after.
    public var bridge: String

    public init(bridge: String) {
        self.bridge = bridge
    }

    /// The VXLAN device: `vx-` and as much of the bridge's name as 15 bytes hold.
    public var deviceName: String {
        "vx-" + String(decoding: bridge.utf8.prefix(Link.maximumNameBytes - 3), as: UTF8.self)
    }

    /// The result for one route of a plan.
    public struct RouteStatus: Sendable, Hashable {
        public var destination: IPv4Subnet
        public var gateway: IPv4Address
        /// The node whose subnet it leads to; nil for a route that people added.
        public var node: String?
        /// Why packets do not take it, in words; nil where they do.
        public var problem: String?
    }

    /// The result of a plan.
    public struct Outcome: Sendable, Hashable {
        public var routes: [RouteStatus] = []
        /// Largest packet between nodes, in bytes; nil where the network card's own limit counts.
        public var mtu: UInt32?
        /// Whether the kernel's state differed from the plan.
        public var hasChanged = false
        /// Whether a tunnel of an earlier mode was removed, whose packets had a smaller limit.
        public var hadTunnel = false

        public init() {}
    }

    /// - Throws: ``NetworkError`` where the plan cannot be applied; a single route that fails is in the outcome.
    public func apply(_ plan: OverlayPlan) async throws -> Outcome {
        try await RouteSession.open { session in try apply(plan, in: &session) }
    }

    /// Removes the routes with this source, and the device.
    public func remove(source: IPv4Address) async throws {
        try await RouteSession.open { session in
            for route in try session.routes() where route.origin == OverlayState.origin && route.source == source {
                try session.deleteRoute(route)
            }
            if let device = try device(in: &session) { try session.delete(device) }
        }
    }

    /// Largest packet of the interface that a host's address is on; nil where it is on none.
    public static func linkMTU(at address: IPv4Address) async throws -> UInt32? {
        try await RouteSession.open { session in
            guard let place = try session.addresses().first(where: { $0.address == address }) else { return nil }
            return try session.links().first { $0.index == place.link }?.mtu
        }
    }

    func apply(_ plan: OverlayPlan, in session: inout RouteSession) throws -> Outcome {
        var outcome = Outcome()
        var state = OverlayState()
        (state.device, outcome.mtu, outcome.hasChanged) = try ensureDevice(plan, in: &session)
        outcome.hadTunnel = outcome.hasChanged && state.device == nil
        state.routes = try session.routes()
        if let device = state.device {
            state.neighbours = try session.neighbours().filter { $0.link == device.index }
            state.forwarding = try session.forwardingTable().filter { $0.link == device.index }
        }
        let (steps, blocked) = state.steps(to: plan)
        var problems: [IPv4Subnet: String] = [:]
        for (wanted, route) in blocked { problems[wanted.destination] = Self.describe(route, wanted) }
        for step in steps {
            do {
                try perform(step, in: &session)
                outcome.hasChanged = true
            } catch let error as SystemCallError {
                guard case .setRoute(let route, _) = step else { throw error }
                problems[route.destination] = Self.explain(error, route)
            }
        }
        outcome.routes = plan.routes.map { wanted in
            RouteStatus(
                destination: wanted.destination,
                gateway: wanted.gateway,
                node: wanted.node,
                problem: problems[wanted.destination]
            )
        }
        return outcome
    }

    private func perform(_ step: OverlayState.Step, in session: inout RouteSession) throws {
        switch step {
        case .deleteRoute(let route): try session.deleteRoute(route)
        case .deleteNeighbour(let entry): try session.deleteNeighbour(entry)
        case .deleteForwarding(let entry): try session.deleteForwarding(entry)
        case .setForwarding(let entry): try session.setForwarding(entry)
        case .setNeighbour(let entry): try session.setNeighbour(entry)
        case .setRoute(let route, let isChange): try session.addRoute(route, replacing: isChange)
        }
    }

    // MARK: The device

    private func device(in session: inout RouteSession) throws -> Link? {
        guard let link = try session.link(named: deviceName) else { return nil }
        guard link.kind == "vxlan" else {
            throw NetworkError(
                .failedPrecondition,
                "interface \(deviceName) is not a VXLAN device but \(link.kind ?? "hardware"); rename or remove it"
            )
        }
        return link
    }

    /// Makes the device of the plan, replaces one with other settings, and removes it where the plan has none.
    private func ensureDevice(
        _ plan: OverlayPlan,
        in session: inout RouteSession
    ) throws -> (Link?, mtu: UInt32?, hasChanged: Bool) {
        let present = try device(in: &session)
        guard let wanted = plan.device else {
            if let present { try session.delete(present) }
            return (nil, nil, present != nil)
        }
        let mtu = try carrierMTU(plan, from: wanted.tunnel.local, in: &session) - VXLANTunnel.overheadBytes
        var hasChanged = false
        var device: Link
        if let present, present.vxlan == wanted.tunnel, present.hardwareAddress == wanted.hardwareAddress {
            device = present
        } else {
            if let present { try session.delete(present) }
            device = try make(wanted, mtu: mtu, in: &session)
            hasChanged = true
        }
        if device.mtu != mtu {
            try session.setMTU(of: device, to: mtu)
            hasChanged = true
        }
        if !device.isUp {
            try setUp(device, port: wanted.tunnel.port, in: &session)
            hasChanged = true
        }
        return (device, mtu, hasChanged)
    }

    /// Switches the device on, which makes the kernel open its UDP port.
    private func setUp(_ device: Link, port: UInt16, in session: inout RouteSession) throws {
        do {
            try session.setUp(device)
        } catch let error as SystemCallError where error.number == EADDRINUSE {
            throw NetworkError(
                .failedPrecondition,
                "VXLAN needs UDP port \(port), which another program or a VXLAN device of another kind has "
                    + "(ss -lnup 'sport = :\(port)'; ip -d link show type vxlan): stop it, or choose another port on all "
                    + "nodes (VXLANPort)"
            )
        }
    }

    private func make(_ wanted: OverlayPlan.Device, mtu: UInt32, in session: inout RouteSession) throws -> Link {
        do {
            return try session.createVXLAN(
                deviceName,
                wanted.tunnel,
                hardwareAddress: wanted.hardwareAddress,
                mtu: mtu
            )
        } catch let error as SystemCallError where error.number == EEXIST {
            let (id, port) = (wanted.tunnel.networkID, wanted.tunnel.port)
            let other = try session.links().first { $0.vxlan?.networkID == id && $0.vxlan?.port == port }
            throw NetworkError(
                .failedPrecondition,
                "the VXLAN device \(other.map { "\($0.name) " } ?? "")of another program has the id \(id) on port \(port) "
                    + "(\(error)): remove it, or choose another id or port on all nodes (VXLANID, VXLANPort)"
            )
        } catch let error as SystemCallError where error.number == EOPNOTSUPP {
            throw NetworkError(
                .failedPrecondition,
                "\(error): the kernel has no VXLAN; load it (modprobe vxlan), or use the overlay `routes` on all nodes"
            )
        }
    }

    /// Largest packet that arrives at every other node: the least of the interfaces that lead there, the `mtu` of those routes,
    /// and what the other hosts report. Without other nodes, that of the interface with the host's address.
    private func carrierMTU(
        _ plan: OverlayPlan,
        from address: IPv4Address,
        in session: inout RouteSession
    ) throws -> UInt32 {
        let links = try session.links()
        guard let place = try session.addresses().first(where: { $0.address == address }),
            let own = links.first(where: { $0.index == place.link })
        else {
            throw NetworkError(
                .failedPrecondition,
                "\(address) is on no interface of this host: VXLAN needs the address that other nodes reach it at "
                    + "(ClusterAddress, --bind-addr)"
            )
        }
        var narrowest: (mtu: UInt32, what: String)?
        for hop in plan.hops {
            // A node without a route at the moment does not count.
            guard let route = try session.route(to: hop.remote),
                let link = links.first(where: { $0.index == route.link })
            else { continue }
            let mtu = min(link.mtu, route.mtu ?? .max, hop.mtu ?? .max)
            if mtu < narrowest?.mtu ?? .max { narrowest = (mtu, "the route to \(hop.remote), on \(link.name),") }
        }
        let (mtu, what) = narrowest ?? (own.mtu, own.name)
        guard mtu >= Self.minimumCarrierMTU else {
            throw NetworkError(
                .failedPrecondition,
                "\(what) carries packets of \(mtu) bytes; VXLAN needs \(Self.minimumCarrierMTU) or more: raise its MTU, "
                    + "or use the overlay `routes` on all nodes"
            )
        }
        return min(mtu, Self.maximumCarrierMTU)
    }

    /// Leaves containers more than the 576 bytes that every IPv4 host must take (RFC 791).
    private static let minimumCarrierMTU: UInt32 = 1000
    /// The largest Ethernet frames in use. Loopback's 65536 says nothing about a network.
    private static let maximumCarrierMTU: UInt32 = 9216

    // MARK: Words

    private static func describe(_ route: Route, _ wanted: OverlayPlan.Wanted) -> String {
        let hop = route.gateway.map { "via \($0)" } ?? "on a link of this host"
        let part = route.destination == wanted.destination ? "" : " a part of it,"
        return
            "another program's route leads to\(part) \(route.destination) (\(hop), protocol \(route.origin)); remove it "
            + "(ip route del \(route.destination)) if packets to containers should not take it"
    }

    private static func explain(_ error: SystemCallError, _ route: Route) -> String {
        guard error.number == ENETUNREACH || error.number == EINVAL || error.number == EHOSTUNREACH,
            let gateway = route.gateway, !route.isOnLink
        else { return error.description }
        return
            "\(gateway) is on no link that this host shares (\(SystemCallError.text(error.number))); the overlay `routes` "
            + "needs one link for all nodes, `vxlan` does not"
    }
}
