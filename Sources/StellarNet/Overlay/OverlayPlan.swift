public import StellarCore

/// How packets get from the containers of one node to those of another.
public enum OverlayMode: Sendable, Hashable {
    /// A static route to each other node's subnet, via that node's address. Nothing is added to packets. The nodes must share a
    /// link, or the routers between them must know the subnets.
    case routes
    /// Packets travel in UDP between the nodes' addresses, over any network between them.
    case vxlan(networkID: UInt32, port: UInt16)

    /// The name in configurations.
    public var name: String {
        switch self {
        case .routes: "routes"
        case .vxlan: "vxlan"
        }
    }
}

/// Another node, as it reports itself in the store.
public struct OverlayPeer: Sendable, Hashable {
    public var node: String
    public var subnet: IPv4Subnet
    public var address: IPv4Address
    /// Largest packet that its host takes at that address, in bytes; nil where it reports none.
    public var mtu: UInt32?

    public init(node: String, subnet: IPv4Subnet, address: IPv4Address, mtu: UInt32? = nil) {
        self.node = node
        self.subnet = subnet
        self.address = address
        self.mtu = mtu
    }
}

/// A route to another network that people added (`Network.AddRoute`).
public struct AddedRoute: Sendable, Hashable {
    public var destination: IPv4Subnet
    public var target: IPv4Address

    public init(destination: IPv4Subnet, target: IPv4Address) {
        self.destination = destination
        self.target = target
    }
}

/// What the kernel should have so that every container reaches every other: a pure function of the store's content.
///
/// ## Design
/// The plan does not depend on node states. A cable that is pulled for half a minute, or a node that restarts, changes nothing,
/// and nothing has to be learnt again afterwards; a node's entries go when it is forgotten.
///
/// VXLAN is a link between routers here: each node has one device and one entry of each kind for each other node, however many
/// containers there are. The other node's gateway is the next hop, its hardware address follows from its subnet, and the
/// kernel gets both as permanent entries: there is no broadcast or multicast, and containers share no layer 2 segment with
/// another node's. (One segment across all nodes would need entries for each container, or flooding.)
public struct OverlayPlan: Sendable, Hashable {
    /// A VXLAN device's neighbour: another node's gateway.
    public struct Hop: Sendable, Hashable {
        public var gateway: IPv4Address
        public var hardwareAddress: [UInt8]
        /// The address of its host, where packets are sent.
        public var remote: IPv4Address
        /// Largest packet that the host takes at that address, in bytes.
        public var mtu: UInt32?
    }

    /// A route, on the overlay's device or on the interface that leads to its gateway.
    public struct Wanted: Sendable, Hashable {
        public var destination: IPv4Subnet
        public var gateway: IPv4Address
        public var isOnDevice: Bool
        /// The node whose subnet it leads to; nil for a route that people added.
        public var node: String?
        /// Largest packet that the other host takes, in bytes; nil where this host's link is the limit.
        public var mtu: UInt32?
    }

    public struct Device: Sendable, Hashable {
        public var tunnel: VXLANTunnel
        public var hardwareAddress: [UInt8]
    }

    /// Ordered by destination. Routes to nodes do not overlap.
    public var routes: [Wanted] = []
    public var device: Device?
    public var hops: [Hop] = []
    /// The source of the host's own packets to other nodes' containers: its gateway, so that responses have a route.
    public var source: IPv4Address

    /// - Parameters:
    ///   - subnet: This node's.
    ///   - address: Where the others reach this node.
    ///   - mtu: Largest packet of the interface with that address.
    ///   - peers: The other nodes. A node whose subnet overlaps this node's, or an earlier one, is left out.
    ///   - added: Routes that people added; those into the nodes' subnets are left out.
    public init?(
        _ mode: OverlayMode,
        subnet: IPv4Subnet,
        address: IPv4Address,
        mtu: UInt32? = nil,
        peers: [OverlayPeer],
        added: [AddedRoute] = []
    ) {
        guard let source = subnet.gateway else { return nil }
        self.source = source
        var taken = [subnet]
        for peer in peers.sorted(by: { ($0.subnet, $0.node) < ($1.subnet, $1.node) }) {
            guard let gateway = peer.subnet.gateway, peer.address != address,
                !taken.contains(where: peer.subnet.overlaps)
            else { continue }
            taken.append(peer.subnet)
            switch mode {
            case .routes:
                let route = Wanted(
                    destination: peer.subnet,
                    gateway: peer.address,
                    isOnDevice: false,
                    node: peer.node,
                    mtu: peer.mtu.flatMap { $0 < mtu ?? .max ? $0 : nil }
                )
                routes.append(route)
            case .vxlan:
                routes.append(Wanted(destination: peer.subnet, gateway: gateway, isOnDevice: true, node: peer.node))
                let hardwareAddress = Self.hardwareAddress(of: peer.subnet)
                let hop = Hop(
                    gateway: gateway,
                    hardwareAddress: hardwareAddress,
                    remote: peer.address,
                    mtu: peer.mtu
                )
                hops.append(hop)
            }
        }
        for route in added.sorted(by: { $0.destination < $1.destination })
        where !taken.contains(where: route.destination.overlaps) {
            routes.append(Wanted(destination: route.destination, gateway: route.target, isOnDevice: false))
        }
        routes.sort { $0.destination < $1.destination }
        if case .vxlan(let networkID, let port) = mode {
            device = Device(
                tunnel: VXLANTunnel(networkID: networkID, port: port, local: address),
                hardwareAddress: Self.hardwareAddress(of: subnet)
            )
        }
    }

    /// Locally administered (IEEE 802: the second bit of the first byte), and different for each subnet.
    static func hardwareAddress(of subnet: IPv4Subnet) -> [UInt8] {
        [0x0a, 0x73] + subnet.network.octets
    }
}
