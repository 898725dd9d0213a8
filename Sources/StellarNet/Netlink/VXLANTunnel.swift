import CStellarLinux
public import StellarCore

/// How a VXLAN device packs Ethernet frames into UDP (RFC 7348; `IFLA_VXLAN_*`, linux/if_link.h).
public struct VXLANTunnel: Sendable, Hashable {
    /// The VXLAN network identifier, 24 bits; frames with another are dropped.
    public var networkID: UInt32
    /// The UDP port, the same on all hosts.
    public var port: UInt16
    /// This host's address: the source of its packets, and the destination of the others'.
    public var local: IPv4Address
    /// Whether the device learns the senders of frames. All are known here, and a frame must not be able to change that.
    public var learns: Bool

    public init(networkID: UInt32, port: UInt16, local: IPv4Address, learns: Bool = false) {
        self.networkID = networkID
        self.port = port
        self.local = local
        self.learns = learns
    }

    /// The largest number that 24 bits hold.
    public static let maximumNetworkID: UInt32 = 1 << 24 - 1
    /// What a frame grows by: the outer IPv4 (20) and UDP (8) headers, VXLAN's (8), the inner Ethernet's (14).
    public static let overheadBytes: UInt32 = 50

    /// nil for a device over IPv6, or of a kind that has no such numbers.
    init?(_ data: ArraySlice<UInt8>) throws(NetlinkFormatError) {
        let attributes = try NetlinkParser.attributes(in: data)
        guard let networkID: UInt32 = NetlinkParser.number(attributes[Int(IFLA_VXLAN_ID)]),
            let port: UInt16 = NetlinkParser.number(attributes[Int(IFLA_VXLAN_PORT)])
        else { return nil }
        self.networkID = networkID
        self.port = UInt16(bigEndian: port)
        local = attributes[Int(IFLA_VXLAN_LOCAL)].flatMap(IPv4Address.init(octets:)) ?? IPv4Address(rawValue: 0)
        learns = attributes[Int(IFLA_VXLAN_LEARNING)]?.first != 0
    }

    /// The port is in network order, the others in the machine's.
    func write(to message: inout NetlinkMessageBuilder) {
        message.attribute(Int(IFLA_VXLAN_ID), number: networkID)
        message.attribute(Int(IFLA_VXLAN_LOCAL), local.octets)
        message.attribute(Int(IFLA_VXLAN_LEARNING), number: UInt8(learns ? 1 : 0))
        message.attribute(Int(IFLA_VXLAN_PORT), number: port.bigEndian)
    }
}
