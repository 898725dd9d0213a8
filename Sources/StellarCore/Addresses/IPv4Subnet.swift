/// A block of IPv4 addresses in CIDR form (RFC 4632), e.g. `172.16.0.0/12`.
public struct IPv4Subnet: Sendable, Hashable, LosslessStringConvertible {
    /// The first address of the block: all host bits are 0.
    public let network: IPv4Address
    /// The number of network bits, 0 to 32.
    public let prefixLength: Int

    /// The block of this prefix length that holds the address. nil unless the length is 0 to 32.
    public init?(containing address: IPv4Address, prefixLength: Int) {
        guard (0...32).contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        network = IPv4Address(rawValue: address.rawValue & Self.mask(prefixLength))
    }

    /// Reads `a.b.c.d/n`. nil for anything ``parse(_:)`` refuses.
    public init?(_ description: String) {
        guard let subnet = try? Self.parse(description) else { return nil }
        self = subnet
    }

    /// Why a text is not a subnet, with the fix where there is one.
    public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The whole sentence.
        public let description: String
    }

    /// Reads `a.b.c.d/n`, strictly: no leading zeros, and no host bits, as a block written with them is most often a
    /// slip in one of its two halves.
    public static func parse(_ text: String) throws(ParseError) -> IPv4Subnet {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let length = Int(parts[1]),
            String(length) == parts[1], let subnet = IPv4Subnet(containing: address, prefixLength: length)
        else { throw ParseError(description: "\(quoted(text)) is not an IPv4 subnet such as 172.16.0.0/12") }
        guard subnet.network == address else {
            throw ParseError(description: "\(quoted(text)) has host bits set; the subnet is \(subnet)")
        }
        return subnet
    }

    /// The address and the prefix length of an interface, e.g. `172.16.0.1/22`: what CNI calls an address. nil for
    /// anything else.
    public static func parseInterface(_ text: String) -> (address: IPv4Address, subnet: IPv4Subnet)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let length = Int(parts[1]),
            String(length) == parts[1], let subnet = IPv4Subnet(containing: address, prefixLength: length)
        else { return nil }
        return (address, subnet)
    }

    /// The network mask as a number.
    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

    /// The network mask, e.g. 255.255.252.0.
    public var netmask: IPv4Address { IPv4Address(rawValue: Self.mask(prefixLength)) }
    /// The last address of the block.
    public var broadcast: IPv4Address { IPv4Address(rawValue: network.rawValue | ~Self.mask(prefixLength)) }
    /// The number of addresses, network and broadcast among them.
    public var count: Int { 1 << (32 - prefixLength) }
    /// `a.b.c.d/n`
    public var description: String { "\(network)/\(prefixLength)" }

    /// Whether the address lies in the block.
    public func contains(_ address: IPv4Address) -> Bool {
        address.rawValue & Self.mask(prefixLength) == network.rawValue
    }

    /// Whether the other block lies within this one.
    public func contains(_ other: IPv4Subnet) -> Bool {
        other.prefixLength >= prefixLength && contains(other.network)
    }

    /// Whether any address lies in both.
    public func overlaps(_ other: IPv4Subnet) -> Bool {
        contains(other) || other.contains(self)
    }

    /// The blocks of a longer prefix that it is made of, in the order of their addresses. nil when the prefix is
    /// shorter than its own, longer than 32, or the blocks would be more than 65536.
    public func divided(prefixLength length: Int) -> [IPv4Subnet]? {
        let bits = length - prefixLength
        guard length <= 32, (0...Self.maximumDivisionBits).contains(bits) else { return nil }
        return (0..<(1 << bits)).compactMap { index in
            IPv4Subnet(
                containing: IPv4Address(rawValue: network.rawValue | UInt32(index) << UInt32(32 - length)),
                prefixLength: length
            )
        }
    }

    /// A division beyond 2^16 blocks is a mistake in a prefix length, and would only fill memory.
    private static let maximumDivisionBits = 16
}

extension IPv4Subnet {
    /// The address of the bridge: the first after the network's. nil in a /32.
    public var gateway: IPv4Address? { prefixLength == 32 ? nil : network.advanced(by: 1) }

    /// The addresses that containers may have, lowest first: all but network, gateway and broadcast. nil when none is
    /// left (prefix 31 or 32).
    public var containerAddresses: ClosedRange<IPv4Address>? {
        guard prefixLength <= 30, let first = network.advanced(by: 2), let last = broadcast.advanced(by: -1) else {
            return nil
        }
        return first...last
    }

    /// The number of ``containerAddresses``.
    public var containerAddressCount: Int { max(0, count - 3) }

    /// A cluster's network is always cut into 2^10 subnets, one for each node.
    public static let nodeBits = 10
    /// The number of node subnets of a cluster's network, and so the most nodes it can have.
    public static let maximumNodes = 1 << nodeBits
    /// The longest prefix a cluster's network may have: beyond it, nothing would be left for a node.
    public static let maximumClusterPrefixLength = 21

    /// The 1024 subnets of the nodes, in the order of their addresses: a /12 gives /22s, a /16 gives /26s. Throws when
    /// the prefix is longer than 21.
    public func nodeSubnets() throws(ParseError) -> [IPv4Subnet] {
        guard prefixLength <= Self.maximumClusterPrefixLength, let all = divided(prefixLength: prefixLength + 10) else {
            throw ParseError(description: "subnet must be larger than /22: \(self) cannot be cut into 1024 subnets")
        }
        return all
    }
}

extension IPv4Subnet: Comparable {
    /// By first address, the wider block first.
    public static func < (a: Self, b: Self) -> Bool {
        (a.network, a.prefixLength) < (b.network, b.prefixLength)
    }
}

extension IPv4Subnet: Codable {
    /// Reads `a.b.c.d/n`.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value(of: "an IPv4 subnet such as 172.16.0.0/12") { Self($0) }
    }

    /// Writes `a.b.c.d/n`.
    public func encode(to encoder: any Encoder) throws {
        try description.encode(to: encoder)
    }
}
