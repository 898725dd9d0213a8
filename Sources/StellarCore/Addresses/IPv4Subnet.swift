/// A block of IPv4 addresses in CIDR form (RFC 4632), e.g. `172.16.0.0/12`.
public struct IPv4Subnet: Sendable, Hashable, LosslessStringConvertible {
    /// The first address of the block, whose host bits are all 0.
    public let network: IPv4Address
    /// The number of network bits, 0 to 32.
    public let prefixLength: Int

    /// Creates the block of this prefix length that contains the address; nil unless the length is 0 to 32.
    public init?(containing address: IPv4Address, prefixLength: Int) {
        guard (0...32).contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        network = IPv4Address(rawValue: address.rawValue & Self.mask(prefixLength))
    }

    /// Reads `a.b.c.d/n` as ``parse(_:)`` does; nil if that throws.
    public init?(_ description: String) {
        guard let subnet = try? Self.parse(description) else { return nil }
        self = subnet
    }

    /// A text that is not a subnet, or a subnet that is too small to divide.
    public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The message: the text, what is wrong with it, and the fix if there is one.
        public let description: String
    }

    /// Reads `a.b.c.d/n`, without leading zeros and without host bits: a block with host bits is most often a mistake
    /// in the address or in the prefix length.
    ///
    /// - Throws: ``ParseError`` if the text is not a subnet.
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

    /// Reads the address and prefix length of an interface, e.g. `172.16.0.1/22` (an address of CNI); nil for any other
    /// text.
    package static func parseInterface(_ text: String) -> (address: IPv4Address, subnet: IPv4Subnet)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let length = Int(parts[1]),
            String(length) == parts[1], let subnet = IPv4Subnet(containing: address, prefixLength: length)
        else { return nil }
        return (address, subnet)
    }

    /// The network mask of a prefix length, as a number.
    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

    /// The network mask, e.g. `255.255.252.0`.
    public var netmask: IPv4Address { IPv4Address(rawValue: Self.mask(prefixLength)) }
    /// The last address of the block.
    public var broadcast: IPv4Address { IPv4Address(rawValue: network.rawValue | ~Self.mask(prefixLength)) }
    /// The number of addresses, including network and broadcast.
    public var count: Int { 1 << (32 - prefixLength) }
    /// The block as text: `172.16.0.0/12`.
    public var description: String { "\(network)/\(prefixLength)" }

    /// Whether the block contains the address.
    public func contains(_ address: IPv4Address) -> Bool {
        address.rawValue & Self.mask(prefixLength) == network.rawValue
    }

    /// Whether the block contains all of the other block.
    public func contains(_ other: IPv4Subnet) -> Bool {
        other.prefixLength >= prefixLength && contains(other.network)
    }

    /// Whether the two blocks have an address in common.
    public func overlaps(_ other: IPv4Subnet) -> Bool {
        contains(other) || other.contains(self)
    }

    /// Divides the block into blocks of a longer prefix, in the order of their addresses. nil if that prefix is shorter
    /// than the block's own or longer than 32, or if there would be more than 65536 blocks.
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

    /// More than 2^16 blocks are a mistake in a prefix length, and would fill memory.
    private static let maximumDivisionBits = 16
}

extension IPv4Subnet {
    /// The address of the bridge: the one after the network's. nil in a /32.
    public var gateway: IPv4Address? { prefixLength == 32 ? nil : network.advanced(by: 1) }

    /// The addresses of containers: all except network, gateway and broadcast. nil if none is left (prefix 31 or 32).
    public var containerAddresses: ClosedRange<IPv4Address>? {
        guard prefixLength <= 30, let first = network.advanced(by: 2), let last = broadcast.advanced(by: -1) else {
            return nil
        }
        return first...last
    }

    /// The number of ``containerAddresses``.
    public var containerAddressCount: Int { max(0, count - 3) }

    /// A cluster's network always has 2^10 subnets, one for each node.
    package static let nodeBits = 10
    /// The number of node subnets of a cluster's network: the most nodes of a cluster.
    public static let maximumNodes = 1 << nodeBits
    /// The longest prefix of a cluster's network: with a longer one, node subnets would have no addresses.
    public static let maximumClusterPrefixLength = 21

    /// Divides a cluster's network into the 1024 subnets of its nodes, in the order of their addresses: a /12 into
    /// /22s, a /16 into /26s.
    ///
    /// - Throws: ``ParseError`` if the prefix is longer than ``maximumClusterPrefixLength``.
    public func nodeSubnets() throws(ParseError) -> [IPv4Subnet] {
        guard prefixLength <= Self.maximumClusterPrefixLength,
            let all = divided(prefixLength: prefixLength + Self.nodeBits)
        else {
            throw ParseError(
                description: "cannot divide \(self) into \(Self.maximumNodes) node subnets; "
                    + "use a prefix of at most /\(Self.maximumClusterPrefixLength)"
            )
        }
        return all
    }
}

extension IPv4Subnet: Comparable {
    /// Orders by first address, the larger block first.
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
