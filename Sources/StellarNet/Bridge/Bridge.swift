import Glibc
public import StellarCore

/// The node's bridge: the switch its containers are plugged into, holding the gateway's address.
public struct Bridge: Sendable, Hashable {
    /// The interface's name, at most 15 bytes.
    public var name: String
    /// The node's part of the network; the bridge has its first address.
    public var subnet: IPv4Subnet
    /// What the nodes' subnets are cut from, where it is known.
    public var network: IPv4Subnet?

    public init(_ name: String, subnet: IPv4Subnet, network: IPv4Subnet? = nil) {
        self.name = name
        self.subnet = subnet
        self.network = network
    }

    /// Makes the bridge if it is missing, gives it the gateway's address, and switches it on. Called again it changes
    /// nothing.
    ///
    /// The address of a subnet that this node had earlier is taken away: another node may have that subnet now. Other
    /// addresses stay, as a bridge that somebody else made may carry the host's own.
    ///
    /// - Throws: ``NetworkError`` `failedPrecondition` when an interface of that name is no bridge (it may be the host's
    ///   network card), or has another address in the node's subnet, with which CNI would not work.
    public func ensure() async throws {
        try await RouteSession.open { session in try ensure(in: &session) }
    }

    func ensure(in session: inout RouteSession) throws {
        guard let gateway = subnet.gateway else {
            throw NetworkError(.invalidArgument, "\(subnet) has no room for a gateway")
        }
        let bridge = try find(in: &session) ?? make(in: &session)
        let address = InterfaceAddress(link: bridge.index, address: gateway, prefixLength: subnet.prefixLength)
        let others = try session.addresses(of: bridge).filter { $0 != address }
        for other in others where isEarlierGateway(other) { try session.deleteAddress(other) }
        if let conflict = others.first(where: { !isEarlierGateway($0) && $0.subnet?.overlaps(subnet) == true }) {
            throw NetworkError(
                .failedPrecondition,
                "bridge \(name) has the address \(conflict), which lies in this node's subnet \(subnet); take it away "
                    + "(ip address del \(conflict) dev \(name)) or choose another bridge or subnet"
            )
        }
        // Removing a primary address takes its secondaries along, ours among them where both were in one network.
        if try !session.addresses(of: bridge).contains(address) {
            try session.addAddress(gateway, prefixLength: subnet.prefixLength, to: bridge)
        }
        if !bridge.isUp { try session.setUp(bridge) }
    }

    /// Removes the bridge; a missing one is fine, an interface of that name that is no bridge is left alone.
    public func remove() async throws {
        try await RouteSession.open { session in
            guard let bridge = try find(in: &session) else { return }
            try session.delete(bridge)
        }
    }

    /// Whether it is the gateway's address of some node's subnet, and so was put there by us; or the gateway's of ours,
    /// from when the network was cut into parts of another size.
    private func isEarlierGateway(_ address: InterfaceAddress) -> Bool {
        if address.address == subnet.gateway { return true }
        guard let network, address.prefixLength == network.prefixLength + IPv4Subnet.nodeBits else { return false }
        return network.contains(address.address) && address.subnet?.gateway == address.address
    }

    /// A plugin at work may have made it since we looked.
    private func make(in session: inout RouteSession) throws -> Link {
        do {
            let bridge = try session.createBridge(name)
            // The one it has. Otherwise it takes that of a port, and another one when that port goes: containers would look
            // for their gateway at an address that is gone.
            try session.setHardwareAddress(of: bridge, to: bridge.hardwareAddress)
            return bridge
        } catch let error as SystemCallError where error.number == EEXIST {
            guard let bridge = try find(in: &session) else { throw error }
            return bridge
        }
    }

    private func find(in session: inout RouteSession) throws -> Link? {
        guard let link = try session.link(named: name) else { return nil }
        guard link.kind == "bridge" else {
            throw NetworkError(
                .failedPrecondition,
                "interface \(name) exists and is not a bridge but \(link.kind ?? "a hardware interface"); "
                    + "rename or remove it, or choose another bridge name"
            )
        }
        return link
    }
}
