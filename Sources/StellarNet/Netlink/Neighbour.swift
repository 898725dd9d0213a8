import CStellarLinux
import Glibc
public import StellarCore

/// An entry of the IPv4 neighbour (ARP) table (`struct ndmsg` and its `NDA_*` attributes, linux/neighbour.h).
public struct Neighbour: Sendable, Hashable {
    /// The interface's index.
    public var link: Int32
    public var address: IPv4Address
    /// The link layer's address; empty while the kernel resolves it.
    public var hardwareAddress: [UInt8]
    /// `NUD_*` bits: 2 reachable, 4 stale, 128 permanent.
    public var state: UInt16

    init?(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        guard message.header.type == RTM_NEWNEIGH else { return nil }
        var reader = NetlinkReader(message.payload)
        guard try reader.next(UInt8.self) == UInt8(AF_INET) else { return nil }
        try reader.skip(3)  // padding
        link = try reader.next()
        state = try reader.next()
        try reader.skip(2)  // flags, type
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        guard let address = attributes[Int(NDA_DST)].flatMap(IPv4Address.init(octets:)) else { return nil }
        self.address = address
        hardwareAddress = attributes[Int(NDA_LLADDR)].map(Array.init) ?? []
    }

    /// A permanent entry: it stays until it is deleted, and the kernel does not resolve it.
    public init(link: Int32, address: IPv4Address, hardwareAddress: [UInt8]) {
        self.link = link
        self.address = address
        self.hardwareAddress = hardwareAddress
        state = Self.permanent
    }

    /// `NUD_PERMANENT`
    public static let permanent: UInt16 = 0x80

    /// `ip -4 neighbour show`
    static func list() -> NetlinkMessageBuilder {
        NeighbourRequest.message(Int(RTM_GETNEIGH), family: UInt8(AF_INET), link: 0, state: 0)
    }
}

/// An entry of a VXLAN device's forwarding table: a link layer address, and the host behind which it is (the same `struct
/// ndmsg`, of family `AF_BRIDGE`).
public struct ForwardingEntry: Sendable, Hashable {
    /// The device's index.
    public var link: Int32
    public var hardwareAddress: [UInt8]
    public var remote: IPv4Address

    public init(link: Int32, hardwareAddress: [UInt8], remote: IPv4Address) {
        self.link = link
        self.hardwareAddress = hardwareAddress
        self.remote = remote
    }

    /// nil for entries without a host, which bridges have, and for other families.
    init?(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        guard message.header.type == RTM_NEWNEIGH else { return nil }
        var reader = NetlinkReader(message.payload)
        guard try reader.next(UInt8.self) == UInt8(AF_BRIDGE) else { return nil }
        try reader.skip(3)  // padding
        link = try reader.next()
        try reader.skip(4)  // state, flags, type
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        guard let remote = attributes[Int(NDA_DST)].flatMap(IPv4Address.init(octets:)) else { return nil }
        self.remote = remote
        hardwareAddress = attributes[Int(NDA_LLADDR)].map(Array.init) ?? []
    }
}

/// The requests about neighbours and forwarding entries, as messages.
enum NeighbourRequest {
    /// `ip neighbour replace ADDRESS lladdr HARDWARE dev LINK nud permanent`
    static func set(_ neighbour: Neighbour) -> NetlinkMessageBuilder {
        var message = message(
            Int(RTM_NEWNEIGH),
            family: UInt8(AF_INET),
            link: neighbour.link,
            state: Neighbour.permanent,
            flags: NLM_F_CREATE | NLM_F_REPLACE
        )
        message.attribute(Int(NDA_DST), neighbour.address.octets)
        message.attribute(Int(NDA_LLADDR), neighbour.hardwareAddress)
        return message
    }

    /// `ip neighbour del ADDRESS dev LINK`
    static func delete(_ neighbour: Neighbour) -> NetlinkMessageBuilder {
        var message = message(Int(RTM_DELNEIGH), family: UInt8(AF_INET), link: neighbour.link, state: 0)
        message.attribute(Int(NDA_DST), neighbour.address.octets)
        return message
    }

    /// `bridge fdb show`
    static func forwardingTable() -> NetlinkMessageBuilder {
        message(Int(RTM_GETNEIGH), family: UInt8(AF_BRIDGE), link: 0, state: 0)
    }

    /// `bridge fdb replace HARDWARE dev LINK dst REMOTE self permanent`
    static func set(_ entry: ForwardingEntry) -> NetlinkMessageBuilder {
        forwarding(Int(RTM_NEWNEIGH), entry, flags: NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// `bridge fdb del HARDWARE dev LINK dst REMOTE self`
    static func delete(_ entry: ForwardingEntry) -> NetlinkMessageBuilder {
        forwarding(Int(RTM_DELNEIGH), entry, flags: 0)
    }

    private static func forwarding(_ type: Int, _ entry: ForwardingEntry, flags: Int32) -> NetlinkMessageBuilder {
        var message = message(
            type,
            family: UInt8(AF_BRIDGE),
            link: entry.link,
            state: Neighbour.permanent,
            isSelf: true,
            flags: flags
        )
        message.attribute(Int(NDA_DST), entry.remote.octets)
        message.attribute(Int(NDA_LLADDR), entry.hardwareAddress)
        return message
    }

    /// - Parameter isSelf: `NTF_SELF`: the device's own table, not that of a bridge it is plugged into.
    static func message(
        _ type: Int,
        family: UInt8,
        link: Int32,
        state: UInt16,
        isSelf: Bool = false,
        flags: Int32 = 0
    ) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: type, flags: flags)
        message.append(family)  // ndm_family
        message.append(UInt8(0))
        message.append(UInt16(0))
        message.append(link)  // ndm_ifindex
        message.append(state)  // ndm_state
        message.append(UInt8(isSelf ? NTF_SELF : 0))  // ndm_flags
        message.append(UInt8(0))  // ndm_type
        return message
    }
}
