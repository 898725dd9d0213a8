import CStellarLinux
import Glibc
public import StellarCore

/// An entry of the IPv4 neighbour (ARP) table (`struct ndmsg` and its `NDA_*` attributes, linux/neighbour.h).
public struct Neighbour: Sendable, Hashable {
    /// The interface's index.
    public var link: Int32
    public var address: IPv4Address
    /// The link layer's address; empty while it is being looked for.
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

    /// `ip -4 neighbour show`
    static func list() -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: Int(RTM_GETNEIGH))
        message.append(UInt8(AF_INET))  // ndm_family
        message.append(UInt8(0))
        message.append(UInt16(0))
        message.append(Int32(0))  // ndm_ifindex
        message.append(UInt16(0))  // ndm_state
        message.append(UInt8(0))  // ndm_flags
        message.append(UInt8(0))  // ndm_type
        return message
    }
}
