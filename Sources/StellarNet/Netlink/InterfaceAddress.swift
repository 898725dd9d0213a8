import CStellarLinux
import Glibc
public import StellarCore

/// An IPv4 address of an interface (`struct ifaddrmsg` and its `IFA_*` attributes, linux/if_addr.h).
public struct InterfaceAddress: Sendable, Hashable, CustomStringConvertible {
    /// The interface's index.
    public var link: Int32
    public var address: IPv4Address
    /// Leading bits shared by the neighbours, 0 to 32.
    public var prefixLength: Int

    /// The network of the link; nil for an invalid prefix length.
    public var subnet: IPv4Subnet? {
        IPv4Subnet(containing: address, prefixLength: prefixLength)
    }

    /// `10.0.0.1/24`, as ip(8) writes it.
    public var description: String {
        "\(address)/\(prefixLength)"
    }

    init(link: Int32, address: IPv4Address, prefixLength: Int) {
        self.link = link
        self.address = address
        self.prefixLength = prefixLength
    }

    /// nil for other families and messages.
    init?(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        guard message.header.type == RTM_NEWADDR else { return nil }
        var reader = NetlinkReader(message.payload)
        guard try reader.next(UInt8.self) == UInt8(AF_INET) else { return nil }
        prefixLength = Int(try reader.next(UInt8.self))
        try reader.skip(2)  // flags, scope
        link = Int32(truncatingIfNeeded: try reader.next(UInt32.self))
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is always ours.
        guard let own = (attributes[Int(IFA_LOCAL)] ?? attributes[Int(IFA_ADDRESS)]).flatMap(IPv4Address.init(octets:))
        else { return nil }
        address = own
    }
}

/// The requests about addresses, as messages.
enum AddressRequest {
    /// `ip -4 address show`
    static func list() -> NetlinkMessageBuilder {
        request(Int(RTM_GETADDR), InterfaceAddress(link: 0, address: IPv4Address(rawValue: 0), prefixLength: 0))
    }

    /// `ip address add ADDRESS/PREFIX broadcast + dev LINK`, refused when it is there.
    static func add(_ address: InterfaceAddress) -> NetlinkMessageBuilder {
        var message = request(Int(RTM_NEWADDR), address, flags: NLM_F_CREATE | NLM_F_EXCL)
        let octets = address.address.octets
        message.attribute(Int(IFA_LOCAL), octets)
        message.attribute(Int(IFA_ADDRESS), octets)
        if address.prefixLength < 31 {
            let hostBits = UInt32.max >> UInt32(address.prefixLength)
            message.attribute(Int(IFA_BROADCAST), IPv4Address(rawValue: address.address.rawValue | hostBits).octets)
        }
        return message
    }

    /// `ip address del ADDRESS/PREFIX dev LINK`
    static func delete(_ address: InterfaceAddress) -> NetlinkMessageBuilder {
        var message = request(Int(RTM_DELADDR), address)
        message.attribute(Int(IFA_LOCAL), address.address.octets)
        return message
    }

    private static func request(_ type: Int, _ address: InterfaceAddress, flags: Int32 = 0) -> NetlinkMessageBuilder {
        var message = NetlinkMessageBuilder(type: type, flags: flags)
        message.append(UInt8(AF_INET))  // ifa_family
        message.append(UInt8(truncatingIfNeeded: address.prefixLength))
        message.append(UInt8(0))  // ifa_flags
        message.append(UInt8(0))  // ifa_scope: RT_SCOPE_UNIVERSE
        message.append(UInt32(bitPattern: address.link))
        return message
    }
}

extension IPv4Address {
    /// From four bytes in network order; nil for another count.
    init?(octets: some Collection<UInt8>) {
        guard octets.count == 4 else { return nil }
        self.init(rawValue: octets.reduce(0) { $0 << 8 | UInt32($1) })
    }
}
