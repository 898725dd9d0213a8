import Glibc
public import StellarCore

/// The node's bridge: it connects the containers, and has the gateway's address.
public struct Bridge: Sendable, Hashable {
    /// The interface's name, at most 15 bytes.
    public var name: String
    /// The node's part of the network; the bridge has its first address.
    public var subnet: IPv4Subnet
    /// The cluster's network, where it is known.
    public var network: IPv4Subnet?

    public init(_ name: String, subnet: IPv4Subnet, network: IPv4Subnet? = nil) {
        self.name = name
        self.subnet = subnet
        self.network = network
    }

    /// Makes the bridge if it is missing, gives it the gateway's address, and switches it on. Called again it changes nothing.
    ///
    /// It removes the gateway address of a subnet that this node had earlier, as another node may have that subnet now. Other
    /// addresses stay: the bridge may be the host's own.
    ///
    /// - Throws: ``NetworkError`` `failedPrecondition` when an interface of that name is not a bridge (it may be the host's
    ///   network card), or has another address in the node's subnet, with which CNI fails.
    public func ensure() async throws {
        try await RouteSession.open { session in try ensure(in: &session) }
    }

    func ensure(in session: inout RouteSession) throws {
        guard let gateway = subnet.gateway else {
            throw NetworkError(.invalidArgument, "\(subnet) has no room for a gateway; configure a larger Subnet")
        }
        let bridge = try find(in: &session) ?? make(in: &session)
        let address = InterfaceAddress(link: bridge.index, address: gateway, prefixLength: subnet.prefixLength)
        let others = try session.addresses(of: bridge).filter { $0 != address }
        for other in others where isEarlierGateway(other) { try session.deleteAddress(other) }
        if let conflict = others.first(where: { !isEarlierGateway($0) && $0.subnet?.overlaps(subnet) == true }) {
            throw NetworkError(
                .failedPrecondition,
                "bridge \(name) has the address \(conflict), which is in this node's subnet \(subnet); remove it "
                    + "(ip address del \(conflict) dev \(name)), or choose another Bridge or Subnet"
            )
        }
        // The kernel removes the secondaries of a primary address, ours among them where both were in one network.
        if try !session.addresses(of: bridge).contains(address) {
            try session.addAddress(gateway, prefixLength: subnet.prefixLength, to: bridge)
        }
        if !bridge.isUp { try session.setUp(bridge) }
    }

    /// Removes the bridge; a missing one is fine. Throws for an interface of that name that is not a bridge.
    public func remove() async throws {
        try await RouteSession.open { session in
            guard let bridge = try find(in: &session) else { return }
            try session.delete(bridge)
        }
    }

    /// Whether a daemon set the address earlier: it is the gateway of a node's subnet, or of this node's with another prefix
    /// length, from a network of another size.
    private func isEarlierGateway(_ address: InterfaceAddress) -> Bool {
        if address.address == subnet.gateway { return true }
        guard let network, address.prefixLength == network.prefixLength + IPv4Subnet.nodeBits else { return false }
        return network.contains(address.address) && address.subnet?.gateway == address.address
    }

    /// Makes the bridge; a running plugin may have made it meanwhile.
    private func make(in session: inout RouteSession) throws -> Link {
        do {
            let bridge = try session.createBridge(name)
            // Sets the address that it has. Otherwise it takes that of a port, and another one when the port is removed, and
            // containers have a stale address of their gateway.
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
                "interface \(name) is not a bridge but \(link.kind ?? "a hardware interface"); "
                    + "rename or remove it, or choose another Bridge"
            )
        }
        return link
    }
}
