import CStellarLinux

/// A network interface (`struct ifinfomsg` and its `IFLA_*` attributes, linux/rtnetlink.h and linux/if_link.h).
public struct Link: Sendable, Hashable {
    /// The interface's number, above 0; each namespace has its own numbers.
    public var index: Int32
    public var name: String
    /// `bridge`, `veth`, `vxlan`, …; nil for hardware and loopback (`IFLA_INFO_KIND`).
    public var kind: String?
    /// The bridge it is plugged into (`IFLA_MASTER`).
    public var master: Int32?
    /// Largest packet, in bytes.
    public var mtu: UInt32
    /// Whether it is switched on (`IFF_UP`), which says nothing about the cable.
    public var isUp: Bool
    /// The link layer's address, six bytes on Ethernet.
    public var hardwareAddress: [UInt8]
    /// The tunnel of a VXLAN device.
    public var vxlan: VXLANTunnel?

    /// `IFF_UP` of `enum net_device_flags`, linux/if.h.
    static let upFlag: UInt32 = 1
    /// The longest name: `IFNAMSIZ` (linux/if.h) less the zero byte.
    public static let maximumNameBytes = 15

    init?(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        guard message.header.type == RTM_NEWLINK else { return nil }
        var reader = NetlinkReader(message.payload)
        try reader.skip(4)  // family, padding, hardware type
        index = try reader.next()
        isUp = try reader.next(UInt32.self) & Self.upFlag != 0
        try reader.skip(4)  // change mask
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        name = attributes[Int(IFLA_IFNAME)].map(NetlinkParser.string) ?? ""
        mtu = NetlinkParser.number(attributes[Int(IFLA_MTU)]) ?? 0
        master = NetlinkParser.number(attributes[Int(IFLA_MASTER)])
        hardwareAddress = attributes[Int(IFLA_ADDRESS)].map(Array.init) ?? []
        (kind, vxlan) = (nil, nil)
        if let information = attributes[Int(IFLA_LINKINFO)] {
            let parts = try NetlinkParser.attributes(in: information)
            kind = parts[Int(IFLA_INFO_KIND)].map(NetlinkParser.string)
            if kind == "vxlan", let data = parts[Int(IFLA_INFO_DATA)] { vxlan = try VXLANTunnel(data) }
        }
    }
}

/// The requests about interfaces, as messages.
enum LinkRequest {
    /// `ip link show`
    static func list() -> NetlinkMessageBuilder {
        information(Int(RTM_GETLINK), index: 0)
    }

    /// `ip link show dev NAME`
    static func get(_ name: String) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_GETLINK), index: 0)
        message.attribute(Int(IFLA_IFNAME), string: name)
        return message
    }

    /// `ip link add NAME type bridge`, refused when the name is taken.
    static func createBridge(_ name: String) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_NEWLINK), index: 0, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.attribute(Int(IFLA_IFNAME), string: name)
        message.nested(Int(IFLA_LINKINFO)) { $0.attribute(Int(IFLA_INFO_KIND), string: "bridge") }
        return message
    }

    /// `ip link add NAME type veth peer name PEER`
    static func createVeth(_ name: String, peer: String) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_NEWLINK), index: 0, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.attribute(Int(IFLA_IFNAME), string: name)
        message.nested(Int(IFLA_LINKINFO)) { information in
            information.attribute(Int(IFLA_INFO_KIND), string: "veth")
            information.nested(Int(IFLA_INFO_DATA)) { data in
                data.nested(Int(VETH_INFO_PEER)) { end in
                    end.appendInformation(index: 0, flags: 0, change: 0)
                    end.attribute(Int(IFLA_IFNAME), string: peer)
                }
            }
        }
        return message
    }

    /// `ip link add NAME address HARDWARE mtu MTU type vxlan id ID dstport PORT local LOCAL nolearning`
    static func createVXLAN(
        _ name: String,
        _ tunnel: VXLANTunnel,
        hardwareAddress: [UInt8],
        mtu: UInt32
    )
        -> NetlinkMessageBuilder
    {
        var message = information(Int(RTM_NEWLINK), index: 0, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.attribute(Int(IFLA_IFNAME), string: name)
        message.attribute(Int(IFLA_ADDRESS), hardwareAddress)
        message.attribute(Int(IFLA_MTU), number: mtu)
        message.nested(Int(IFLA_LINKINFO)) { information in
            information.attribute(Int(IFLA_INFO_KIND), string: "vxlan")
            information.nested(Int(IFLA_INFO_DATA), tunnel.write)
        }
        return message
    }

    /// `ip link set dev INDEX up|down`
    static func set(_ index: Int32, up: Bool) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: Int(RTM_NEWLINK))
        message.appendInformation(index: index, flags: up ? Link.upFlag : 0, change: Link.upFlag)
        return message
    }

    /// `ip link set dev INDEX master MASTER`; 0 takes it off its bridge.
    static func set(_ index: Int32, master: Int32) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_NEWLINK), index: index)
        message.attribute(Int(IFLA_MASTER), number: master)
        return message
    }

    /// `ip link set dev INDEX mtu BYTES`
    static func set(_ index: Int32, mtu: UInt32) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_NEWLINK), index: index)
        message.attribute(Int(IFLA_MTU), number: mtu)
        return message
    }

    /// `ip link set dev INDEX address HARDWARE`
    static func set(_ index: Int32, hardwareAddress: [UInt8]) -> NetlinkMessageBuilder {
        var message = information(Int(RTM_NEWLINK), index: index)
        message.attribute(Int(IFLA_ADDRESS), hardwareAddress)
        return message
    }

    /// `ip link del dev INDEX`
    static func delete(_ index: Int32) -> NetlinkMessageBuilder {
        information(Int(RTM_DELLINK), index: index)
    }

    private static func information(_ type: Int, index: Int32, flags: Int32 = 0) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: type, flags: flags)
        message.appendInformation(index: index, flags: 0, change: 0)
        return message
    }
}

extension NetlinkMessageBuilder {
    /// `struct ifinfomsg`, 16 bytes.
    mutating func appendInformation(index: Int32, flags: UInt32, change: UInt32) {
        append(UInt8(0))  // ifi_family AF_UNSPEC
        append(UInt8(0))  // padding
        append(UInt16(0))  // ifi_type
        append(index)
        append(flags)
        append(change)
    }
}
