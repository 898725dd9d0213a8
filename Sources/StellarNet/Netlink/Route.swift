import CStellarLinux
import Glibc
public import StellarCore

/// An IPv4 unicast route of the main table (`struct rtmsg` and its `RTA_*` attributes, linux/rtnetlink.h).
public struct Route: Sendable, Hashable {
    /// The network it leads to; `0.0.0.0/0` is the default route.
    public var destination: IPv4Subnet
    /// The next hop; nil when the network is on the link itself.
    public var gateway: IPv4Address?
    /// The interface's index; may be nil when a gateway is given, the kernel then finds it.
    public var link: Int32?
    /// The source address the host uses on it.
    public var source: IPv4Address?
    /// Who made it (`rtm_protocol`): 2 the kernel, 3 an administrator at boot, 4 an administrator, above that daemons.
    public var origin: UInt8
    /// `RTPROT_STATIC`
    public static let byAdministrator: UInt8 = 4
    /// The gateway counts as reachable on the link, whatever the routing table says (`RTNH_F_ONLINK`).
    public var isOnLink: Bool
    /// Of several routes to one network, the lowest counts.
    public var metric: UInt32
    /// Largest packet that it carries, in bytes; nil leaves it to the link. An expiring value of path MTU discovery does not
    /// count.
    public var mtu: UInt32?

    public init(
        destination: IPv4Subnet,
        gateway: IPv4Address? = nil,
        link: Int32? = nil,
        source: IPv4Address? = nil,
        origin: UInt8 = Self.byAdministrator,
        isOnLink: Bool = false,
        metric: UInt32 = 0,
        mtu: UInt32? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.source = source
        self.origin = origin
        self.isOnLink = isOnLink
        self.metric = metric
        self.mtu = mtu
    }

    /// nil for other families, tables and kinds of route.
    init?(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        guard message.header.type == RTM_NEWROUTE else { return nil }
        var reader = NetlinkReader(message.payload)
        guard try reader.next(UInt8.self) == UInt8(AF_INET) else { return nil }
        let prefix = Int(try reader.next(UInt8.self))
        try reader.skip(2)  // source length, type of service
        let table = try reader.next(UInt8.self)
        origin = try reader.next(UInt8.self)
        try reader.skip(1)  // scope
        let kind = try reader.next(UInt8.self)
        isOnLink = try reader.next(UInt32.self) & UInt32(RTNH_F_ONLINK) != 0
        guard table == UInt8(RT_TABLE_MAIN.rawValue), kind == UInt8(RTN_UNICAST) else { return nil }
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        let network = attributes[Int(RTA_DST.rawValue)].flatMap(IPv4Address.init(octets:)) ?? IPv4Address(rawValue: 0)
        guard let destination = IPv4Subnet(containing: network, prefixLength: prefix) else { return nil }
        self.destination = destination
        gateway = attributes[Int(RTA_GATEWAY.rawValue)].flatMap(IPv4Address.init(octets:))
        link = NetlinkParser.number(attributes[Int(RTA_OIF.rawValue)])
        source = attributes[Int(RTA_PREFSRC.rawValue)].flatMap(IPv4Address.init(octets:))
        metric = NetlinkParser.number(attributes[Int(RTA_PRIORITY.rawValue)]) ?? 0
        mtu = nil
        if let metrics = attributes[Int(RTA_METRICS.rawValue)], !Self.expires(attributes[Int(RTA_CACHEINFO.rawValue)]) {
            mtu = NetlinkParser.number(try NetlinkParser.attributes(in: metrics)[Self.mtuMetric])
        }
    }

    /// `RTAX_MTU` of linux/rtnetlink.h.
    fileprivate static let mtuMetric = 2

    /// Whether a `struct rta_cacheinfo` has an expiry, as the kernel's results of path MTU discovery have.
    private static func expires(_ information: ArraySlice<UInt8>?) -> Bool {
        // Behind the fields of users and last use.
        let expiry: Int32 = NetlinkParser.number(information?.dropFirst(8).prefix(4)) ?? 0
        return expiry != 0
    }
}

/// The requests about routes, as messages.
enum RouteRequest {
    /// `ip -4 route show`
    static func list() -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: Int(RTM_GETROUTE))
        message.appendRoute(prefixLength: 0, table: 0, protocolNumber: 0, scope: 0, kind: 0)
        return message
    }

    /// `ip -4 route get ADDRESS`
    static func get(_ address: IPv4Address) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: Int(RTM_GETROUTE))
        message.appendRoute(prefixLength: 32, table: 0, protocolNumber: 0, scope: 0, kind: 0)
        message.attribute(Int(RTA_DST.rawValue), address.octets)
        return message
    }

    /// `ip route replace DESTINATION [via GATEWAY] [dev LINK] [onlink] [src SOURCE] [metric METRIC] [mtu MTU] proto ORIGIN`;
    /// with `replacing` false it is `add`.
    static func add(_ route: Route, replacing: Bool) -> NetlinkMessageBuilder {
        message(Int(RTM_NEWROUTE), route, flags: NLM_F_CREATE | (replacing ? NLM_F_REPLACE : NLM_F_EXCL))
    }

    /// `ip route del DESTINATION … proto ORIGIN`
    static func delete(_ route: Route) -> NetlinkMessageBuilder {
        message(Int(RTM_DELROUTE), route, flags: 0)
    }

    private static func message(_ type: Int, _ route: Route, flags: Int32) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: type, flags: flags)
        let deleting = type == Int(RTM_DELROUTE)
        message.appendRoute(
            prefixLength: UInt8(truncatingIfNeeded: route.destination.prefixLength),
            table: UInt8(RT_TABLE_MAIN.rawValue),
            protocolNumber: route.origin,
            // Deleting matches any scope; a network on the link itself has scope link, as `ip route` gives it.
            scope: UInt8(
                (deleting ? RT_SCOPE_NOWHERE : route.gateway == nil ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE).rawValue
            ),
            kind: deleting ? 0 : UInt8(RTN_UNICAST),
            flags: route.isOnLink && !deleting ? UInt32(RTNH_F_ONLINK) : 0
        )
        if route.destination.prefixLength > 0 {
            message.attribute(Int(RTA_DST.rawValue), route.destination.network.octets)
        }
        if let gateway = route.gateway {
            message.attribute(Int(RTA_GATEWAY.rawValue), gateway.octets)
        }
        if let link = route.link {
            message.attribute(Int(RTA_OIF.rawValue), number: link)
        }
        if let source = route.source {
            message.attribute(Int(RTA_PREFSRC.rawValue), source.octets)
        }
        if route.metric > 0 {
            message.attribute(Int(RTA_PRIORITY.rawValue), number: route.metric)
        }
        if let mtu = route.mtu, !deleting {
            message.nested(Int(RTA_METRICS.rawValue)) { $0.attribute(Route.mtuMetric, number: mtu) }
        }
        return message
    }
}

extension NetlinkMessageBuilder {
    /// `struct rtmsg`, 12 bytes.
    fileprivate mutating func appendRoute(
        prefixLength: UInt8,
        table: UInt8,
        protocolNumber: UInt8,
        scope: UInt8,
        kind: UInt8,
        flags: UInt32 = 0
    ) {
        append(UInt8(AF_INET))  // rtm_family
        append(prefixLength)
        append(UInt8(0))  // rtm_src_len
        append(UInt8(0))  // rtm_tos
        append(table)
        append(protocolNumber)
        append(scope)
        append(kind)
        append(flags)  // rtm_flags
    }
}
