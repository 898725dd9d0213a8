public import StellarCore

/// A node's claim of a part of the cluster's network, as the replicated store has it.
public struct SubnetClaim: Sendable, Hashable {
    public var node: String
    public var subnet: IPv4Subnet
    /// When it was written, by the store's clock: the same on every node.
    public var stamp: UInt64

    public init(node: String, subnet: IPv4Subnet, stamp: UInt64) {
        self.node = node
        self.subnet = subnet
        self.stamp = stamp
    }

    /// Orders claims: of two that overlap the first stands. The older claim comes first; at equal stamps, the lower name.
    static func precedes(_ a: SubnetClaim, _ b: SubnetClaim) -> Bool {
        (a.stamp, a.node) < (b.stamp, b.node)
    }
}

/// Which of all claims stand. Nodes with the same claims get the same table, in whatever order the claims came.
public struct SubnetTable: Sendable {
    /// The claims that stand, in the order of their addresses. No two overlap.
    public let standing: [SubnetClaim]
    /// The claims that must yield, oldest first, each with the claim that stands instead.
    public let yielding: [(claim: SubnetClaim, to: SubnetClaim)]

    /// A larger claim is ignored: no cluster's network makes one (a /0 is cut into /10s), and one such record, written by hand,
    /// would take the subnets of all nodes.
    private static let shortestPrefix = IPv4Subnet.nodeBits

    public init(_ claims: some Sequence<SubnetClaim>) {
        var standing: [SubnetClaim] = []
        var yielding: [(claim: SubnetClaim, to: SubnetClaim)] = []
        // Most claims are parts of one network, all of one size: equal or apart. Only claims of another size are compared with
        // each.
        var exact: [IPv4Subnet: SubnetClaim] = [:]
        var sizes: Set<Int> = []
        for claim in claims.sorted(by: SubnetClaim.precedes) where claim.subnet.prefixLength >= Self.shortestPrefix {
            let isOdd = !sizes.subtracting([claim.subnet.prefixLength]).isEmpty
            let holder = exact[claim.subnet] ?? (isOdd ? standing.first { $0.subnet.overlaps(claim.subnet) } : nil)
            if let holder {
                yielding.append((claim, holder))
            } else {
                standing.append(claim)
                exact[claim.subnet] = claim
                sizes.insert(claim.subnet.prefixLength)
            }
        }
        self.standing = standing.sorted { $0.subnet < $1.subnet }
        self.yielding = yielding
    }

    /// The claim that the node's own must yield to; nil where its own stands, or it has none.
    public func holder(insteadOf node: String) -> SubnetClaim? {
        yielding.first { $0.claim.node == node }?.to
    }
}
