import Glibc
public import StellarCore

/// The kernel's interfaces, addresses and routes of one network namespace, over rtnetlink (rtnetlink(7)).
///
/// ```swift
/// let links = try await RouteSession.open { session in try session.links() }
/// ```
/// The calls of a session block; ``open(namespace:_:)`` runs the whole closure on a thread kept for that.
public struct RouteSession {
    private var session: NetlinkSession

    init(_ socket: any NetlinkSocket) {
        session = NetlinkSession(socket)
    }

    /// Opens a session in the network namespace bound at `namespace`, or in the daemon's own, and runs `body` on it.
    ///
    /// - Throws: ``NetworkError``; its message holds the operation, errno's text and the kernel's own words.
    public static func open<Result: Sendable>(
        namespace: String? = nil,
        _ body: @escaping @Sendable (inout RouteSession) throws -> Result
    ) async throws -> Result {
        try await BlockingThreads.run {
            var session = try RouteSession(namespace: namespace)
            return try body(&session)
        }
    }

    /// A session for code on a thread of ``BlockingThreads``.
    init(namespace: String? = nil) throws(SystemCallError) {
        self.init(try KernelNetlinkSocket(namespace: namespace))
    }

    // MARK: Interfaces

    public mutating func links() throws -> [Link] {
        try session.dump(LinkRequest.list(), "list interfaces").compactMap { try Link($0) }
    }

    /// The interface of this name, or nil.
    public mutating func link(named name: String) throws -> Link? {
        try Self.checkName(name)
        return try Self.missingAsNil { try Link(session.get(LinkRequest.get(name), "look up interface \(name)")) }
    }

    /// Makes a bridge, still switched off, and returns it.
    public mutating func createBridge(_ name: String) throws -> Link {
        try Self.checkName(name)
        try session.execute(LinkRequest.createBridge(name), "create bridge \(name)")
        return try existing(name)
    }

    /// Makes a pair of connected interfaces.
    public mutating func createVeth(_ name: String, peer: String) throws {
        try Self.checkName(name)
        try Self.checkName(peer)
        try session.execute(LinkRequest.createVeth(name, peer: peer), "create veth pair \(name), \(peer)")
    }

    /// Makes a VXLAN device, still switched off, and returns it.
    public mutating func createVXLAN(
        _ name: String,
        _ tunnel: VXLANTunnel,
        hardwareAddress: [UInt8],
        mtu: UInt32
    ) throws -> Link {
        try Self.checkName(name)
        let request = LinkRequest.createVXLAN(name, tunnel, hardwareAddress: hardwareAddress, mtu: mtu)
        try session.execute(request, "create VXLAN device \(name)")
        return try existing(name)
    }

    public mutating func setUp(_ link: Link, _ up: Bool = true) throws {
        try session.execute(LinkRequest.set(link.index, up: up), "set \(link.name) \(up ? "up" : "down")")
    }

    /// Plugs `link` into the bridge `master`; nil unplugs it.
    public mutating func setMaster(of link: Link, to master: Link?) throws {
        let request = LinkRequest.set(link.index, master: master?.index ?? 0)
        try session.execute(request, "set the master of \(link.name) to \(master?.name ?? "none")")
    }

    /// Sets the link layer's address; a bridge then keeps it, whatever ports it gets.
    public mutating func setHardwareAddress(of link: Link, to address: [UInt8]) throws {
        let request = LinkRequest.set(link.index, hardwareAddress: address)
        try session.execute(request, "set the hardware address of \(link.name)")
    }

    public mutating func setMTU(of link: Link, to bytes: UInt32) throws {
        try session.execute(LinkRequest.set(link.index, mtu: bytes), "set the MTU of \(link.name) to \(bytes)")
    }

    /// Deletes the interface; a missing one is fine. Deleting an end of a veth pair deletes both.
    public mutating func delete(_ link: Link) throws {
        do {
            try session.execute(LinkRequest.delete(link.index), "delete interface \(link.name)")
        } catch let error as SystemCallError where error.number == ENODEV {
            return
        }
    }

    // MARK: Addresses

    /// The IPv4 addresses of one interface, or of all.
    public mutating func addresses(of link: Link? = nil) throws -> [InterfaceAddress] {
        let all = try session.dump(AddressRequest.list(), "list addresses").compactMap { try InterfaceAddress($0) }
        guard let link else { return all }
        return all.filter { $0.link == link.index }
    }

    /// Gives the interface an address; an existing one is fine.
    public mutating func addAddress(_ address: IPv4Address, prefixLength: Int, to link: Link) throws {
        let request = AddressRequest.add(.init(link: link.index, address: address, prefixLength: prefixLength))
        do {
            try session.execute(request, "add address \(address)/\(prefixLength) to \(link.name)")
        } catch let error as SystemCallError where error.number == EEXIST {
            return
        }
    }

    /// Removes an address; a missing one is fine.
    public mutating func deleteAddress(_ address: InterfaceAddress) throws {
        let request = AddressRequest.delete(address)
        do {
            try session.execute(request, "delete address \(address.address)/\(address.prefixLength)")
        } catch let error as SystemCallError where error.number == EADDRNOTAVAIL {
            return
        }
    }

    // MARK: Routes

    /// The unicast routes of the main table.
    public mutating func routes() throws -> [Route] {
        try session.dump(RouteRequest.list(), "list routes").compactMap { try Route($0) }
    }

    /// The route of the host's packets to an address; nil where it has none, and for its own addresses.
    public mutating func route(to address: IPv4Address) throws -> Route? {
        do {
            return try Route(session.get(RouteRequest.get(address), "look up the route to \(address)"))
        } catch let error as SystemCallError where Self.noRouteErrors.contains(error.number) {
            return nil
        }
    }

    /// No route, or one of type unreachable, prohibit, blackhole (fib_props, net/ipv4/fib_semantics.c).
    private static let noRouteErrors = [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL]

    /// Adds a route; with `replacing`, in place of one to the same destination.
    public mutating func addRoute(_ route: Route, replacing: Bool = true) throws {
        try session.execute(RouteRequest.add(route, replacing: replacing), "add route to \(route.destination)")
    }

    /// Deletes the route; a missing one is fine.
    public mutating func deleteRoute(_ route: Route) throws {
        do {
            try session.execute(RouteRequest.delete(route), "delete route to \(route.destination)")
        } catch let error as SystemCallError where error.number == ESRCH {
            return
        }
    }

    // MARK: Neighbours

    /// The IPv4 neighbour table.
    public mutating func neighbours() throws -> [Neighbour] {
        try session.dump(Neighbour.list(), "list neighbours").compactMap { try Neighbour($0) }
    }

    /// Sets a permanent entry, in place of another for the address.
    public mutating func setNeighbour(_ neighbour: Neighbour) throws {
        try session.execute(NeighbourRequest.set(neighbour), "set neighbour \(neighbour.address)")
    }

    /// Deletes the entry; a missing one is fine.
    public mutating func deleteNeighbour(_ neighbour: Neighbour) throws {
        try Self.missingIsFine {
            try session.execute(NeighbourRequest.delete(neighbour), "delete neighbour \(neighbour.address)")
        }
    }

    /// The forwarding tables of all VXLAN devices.
    public mutating func forwardingTable() throws -> [ForwardingEntry] {
        try session.dump(NeighbourRequest.forwardingTable(), "list forwarding tables").compactMap {
            try ForwardingEntry($0)
        }
    }

    /// Sets a permanent entry, in place of another for the link layer address.
    public mutating func setForwarding(_ entry: ForwardingEntry) throws {
        try session.execute(NeighbourRequest.set(entry), "set the forwarding entry for \(entry.remote)")
    }

    /// Deletes the entry; a missing one is fine.
    public mutating func deleteForwarding(_ entry: ForwardingEntry) throws {
        try Self.missingIsFine {
            try session.execute(NeighbourRequest.delete(entry), "delete the forwarding entry for \(entry.remote)")
        }
    }

    // MARK: Names

    private mutating func existing(_ name: String) throws -> Link {
        guard let link = try link(named: name) else { throw SystemCallError(ENODEV, "look up interface \(name)") }
        return link
    }

    /// Refuses names that the kernel would refuse with a less clear error (`dev_valid_name`, net/core/dev.c).
    static func checkName(_ name: String) throws {
        let forbidden = name.utf8.contains {
            $0 <= 0x20 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") || $0 == 0x7f
        }
        guard !name.isEmpty, name.utf8.count <= Link.maximumNameBytes, !forbidden, name != ".", name != ".." else {
            throw NetworkError(
                .invalidArgument,
                "\"\(name)\" is not an interface name: 1 to \(Link.maximumNameBytes) bytes without space, \"/\" or \":\""
            )
        }
    }

    private static func missingAsNil<Result>(_ body: () throws -> Result?) throws -> Result? {
        do {
            return try body()
        } catch let error as SystemCallError where error.number == ENODEV || error.number == ENOENT {
            return nil
        }
    }

    private static func missingIsFine(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as SystemCallError where error.number == ENOENT || error.number == ENODEV {
            return
        }
    }
}
