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

    /// Of two claims that overlap the first in this order stands: the older one, or that of the lower name.
    static func precedes(_ a: SubnetClaim, _ b: SubnetClaim) -> Bool {
        (a.stamp, a.node) < (b.stamp, b.node)
    }
}

/// Which of all claims stand. Whoever has the same claims finds the same, in whatever order they came.
public struct SubnetTable: Sendable {
    /// The claims that stand, in the order of their addresses. No two overlap.
    public let standing: [SubnetClaim]
    /// The claims that do not, oldest first, and whose claim each must yield to.
    public let yielding: [(claim: SubnetClaim, to: SubnetClaim)]

    /// Claims as large as no cluster's network could have made them (a /0 is cut into /10s) are none: one such record, written
    /// by hand, would take everybody's subnet away.
    private static let shortestPrefix = IPv4Subnet.nodeBits

    public init(_ claims: some Sequence<SubnetClaim>) {
        var standing: [SubnetClaim] = []
        var yielding: [(claim: SubnetClaim, to: SubnetClaim)] = []
        // Most claims are parts of one network, all of one size: equal or apart. Only others are compared with each.
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

    /// Whom the node's claim must yield to; nil where it stands, or there is none.
    public func holder(insteadOf node: String) -> SubnetClaim? {
        yielding.first { $0.claim.node == node }?.to
    }
}
