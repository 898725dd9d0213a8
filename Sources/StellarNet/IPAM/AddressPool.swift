public import StellarCore

/// Why an address cannot be allocated or reserved.
public enum AddressPoolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Every address of the subnet is allocated.
    case exhausted(IPv4Subnet)
    /// The subnet has no room for any container.
    case tooSmall(IPv4Subnet)
    /// The address is not one that containers of this subnet may have.
    case outside(IPv4Address, IPv4Subnet)
    /// The address is held by another id.
    case taken(IPv4Address, by: String)

    public var description: String {
        switch self {
        case .exhausted(let subnet):
            "IP allocation exhausted: all \(subnet.containerAddressCount) addresses of \(subnet) are in use"
        case .tooSmall(let subnet):
            "\(subnet) has no addresses for containers; a node's subnet must be /29 or larger"
        case .outside(let address, let subnet):
            "\(address) is not an address for containers in \(subnet)"
        case .taken(let address, let holder):
            "\(address) is already held by \(holder)"
        }
    }
}

/// Gives the addresses of one node's subnet to container ids.
///
/// ## Design
/// A pure value: the daemon stores allocations and reads them back with ``reserve(_:for:)``. All addresses but network, gateway
/// and broadcast are allocated. First those never used, lowest first; then the one that was freed longest ago, so that a
/// peer's stale ARP entry, DNS response or connection has the most time to expire. An id that holds an address gets the same
/// one again.
public struct AddressPool: Sendable, Hashable, Codable {
    /// The node's subnet.
    public let subnet: IPv4Subnet
    private var byID: [String: IPv4Address]
    private var byAddress: [IPv4Address: String]
    /// The lowest address never allocated; nil when there is none.
    private var next: IPv4Address?
    /// Freed addresses below `next`, oldest first.
    private var freed: [IPv4Address]

    /// A pool with every address free.
    public init(subnet: IPv4Subnet) {
        self.subnet = subnet
        byID = [:]
        byAddress = [:]
        next = subnet.containerAddresses?.lowerBound
        freed = []
    }

    /// The address that the id holds, or else a free one, which it then holds.
    public mutating func allocate(_ id: String) throws(AddressPoolError) -> IPv4Address {
        if let held = byID[id] { return held }
        guard let range = subnet.containerAddresses else { throw .tooSmall(subnet) }
        while let candidate = next {
            next = candidate < range.upperBound ? candidate.advanced(by: 1) : nil
            if byAddress[candidate] == nil {
                hold(candidate, id)
                return candidate
            }
        }
        guard !freed.isEmpty else { throw .exhausted(subnet) }
        let oldest = freed.removeFirst()
        hold(oldest, id)
        return oldest
    }

    /// Records that `id` holds `address`: reads back what is stored, in any order. The same pair again is fine.
    public mutating func reserve(_ address: IPv4Address, for id: String) throws(AddressPoolError) {
        guard let range = subnet.containerAddresses, range.contains(address) else { throw .outside(address, subnet) }
        if let holder = byAddress[address] {
            guard holder == id else { throw .taken(address, by: holder) }
            return
        }
        if byID[id] != nil { release(id) }
        freed.removeAll { $0 == address }
        hold(address, id)
    }

    /// Frees the address of `id` and returns it; nil when it held none.
    @discardableResult
    public mutating func release(_ id: String) -> IPv4Address? {
        guard let address = byID.removeValue(forKey: id) else { return nil }
        byAddress[address] = nil
        // Above `next` it was reserved, and `allocate` comes to it in order.
        if next.map({ address < $0 }) ?? true { freed.append(address) }
        return address
    }

    /// The address `id` holds, or nil.
    public func address(of id: String) -> IPv4Address? {
        byID[id]
    }

    /// The ids and their addresses, in the order of addresses.
    public var allocations: [(id: String, address: IPv4Address)] {
        byID.map { (id: $0.key, address: $0.value) }.sorted { $0.address < $1.address }
    }

    private mutating func hold(_ address: IPv4Address, _ id: String) {
        byID[id] = address
        byAddress[address] = id
    }

    // MARK: Stored form

    private enum CodingKeys: String, CodingKey {
        case subnet, allocations, next, freed
    }

    /// Decodes the stored form; refuses a contradictory one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(subnet: try container.decode(IPv4Subnet.self, forKey: .subnet))
        let stored = try container.decode([String: IPv4Address].self, forKey: .allocations)
        for (id, address) in stored.sorted(by: { $0.key < $1.key }) { try reserve(address, for: id) }
        let bound = try container.decodeIfPresent(IPv4Address.self, forKey: .next)
        let range = subnet.containerAddresses
        if let bound, range?.contains(bound) != true { throw AddressPoolError.outside(bound, subnet) }
        next = bound
        var seen: Set<IPv4Address> = []
        freed = try container.decode([IPv4Address].self, forKey: .freed).filter { address in
            range?.contains(address) == true && byAddress[address] == nil && bound.map { address < $0 } ?? true
                && seen.insert(address).inserted
        }
    }

    /// Encodes the stored form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(subnet, forKey: .subnet)
        try container.encode(byID, forKey: .allocations)
        try container.encodeIfPresent(next, forKey: .next)
        try container.encode(freed, forKey: .freed)
    }
}
