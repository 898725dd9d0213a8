public import StellarCore

/// How one node comes to its subnet, and when its containers may start on it, without anybody in charge.
///
/// ## Design
/// A claim is one record in the replicated store, written by its node. All nodes judge claims alike (``SubnetTable``): of two
/// that overlap the older one stands, and whoever wrote the other claims anew. So whatever happened in a split, nodes that
/// are connected end with different subnets.
///
/// That alone would let two nodes that join at once start containers on one subnet for a moment. So a new claim settles
/// first: every other node that is alive has it (the store's watermark says so), and some time has passed in which an older
/// claim that was under way would have arrived. A node that hears no answer goes on after a bounded time, as does one that
/// cannot reach the nodes it was told of; then, and after splits, a subnet may have to be given up that has containers on it.
///
/// A settled claim is kept on the node's own disk: at the next start it counts at once, unless it is disputed.
///
/// The machine is asked again whenever what it looks at changes, and at ``deadline``; it remembers only what time does.
public struct SubnetClaims: Sendable {
    /// How long a node that was told of others looks for them before it claims by itself. Gossip joins within a second where
    /// anybody is there; the API serves meanwhile.
    public static let lookLimit = Duration.seconds(10)
    /// How long after a claim an older one that was written elsewhere in the same moment may still arrive: fresh changes
    /// ride on gossip and are everywhere within about a second.
    public static let objectionTime = Duration.seconds(1)
    /// How long a live node may take to say that it has the claim. One that is not alive is told to be dead before.
    public static let settleLimit = Duration.seconds(10)

    /// What the node knows at one moment.
    public struct View: Sendable, Hashable {
        /// Everybody's, this node's too.
        public var claims: [SubnetClaim]
        /// The names of the other nodes that are alive.
        public var others: Set<String>
        /// Up to which stamp of this node's writes each of them has everything.
        public var seen: [String: UInt64]
        /// Whether all that one of them had has been taken over.
        public var hasSynced: Bool
        /// Whether there should be others: this node was told of some, or knew some.
        public var expectsOthers: Bool

        public init(
            claims: [SubnetClaim],
            others: Set<String> = [],
            seen: [String: UInt64] = [:],
            hasSynced: Bool = false,
            expectsOthers: Bool = false
        ) {
            self.claims = claims
            self.others = others
            self.seen = seen
            self.hasSynced = hasSynced
            self.expectsOthers = expectsOthers
        }
    }

    /// Where the node stands.
    public enum Standing: Sendable, Hashable {
        /// It has no claim yet: it looks for the nodes it was told of, or its claim is being written.
        case looking
        /// Its claim is not known everywhere yet.
        case settling(IPv4Subnet)
        /// Containers may start.
        case held(IPv4Subnet)
        /// Its claim must yield to that of `by`; another one is on its way.
        case disputed(IPv4Subnet, by: String)
        /// There is no subnet left; why, in a sentence.
        case exhausted(String)
    }

    public let node: String
    /// What is cut into 1024 subnets.
    public let network: IPv4Subnet
    public private(set) var standing = Standing.looking
    /// When to ask again at the latest, even if nothing changes; nil where only a change matters.
    public private(set) var deadline: Duration?
    /// The claim that has settled, to be kept on this node's disk.
    public private(set) var settled: SubnetClaim?

    private let start: Duration
    private var hasLooked = false
    /// The claim that settles, and since when.
    private var settling: (claim: SubnetClaim, since: Duration)?

    /// - Parameters:
    ///   - settled: what an earlier run kept.
    ///   - now: of any clock that only goes forward.
    public init(node: String, network: IPv4Subnet, settled: SubnetClaim? = nil, now: Duration) {
        self.node = node
        self.network = network
        self.settled = settled
        start = now
    }

    /// Judges what is known. Returns the subnet to claim: the caller writes it into the store, and asks again.
    public mutating func look(_ view: View, now: Duration) -> IPv4Subnet? {
        deadline = nil
        let table = SubnetTable(view.claims)
        if !view.expectsOthers || (!view.others.isEmpty && view.hasSynced) || now >= start + Self.lookLimit {
            hasLooked = true
        }
        guard let own = view.claims.first(where: { $0.node == node }), isOfNetwork(own.subnet) else {
            settling = nil
            standing = .looking
            return claim(table, view, after: nil)
        }
        if let holder = table.holder(insteadOf: node) {
            settling = nil
            standing = .disputed(own.subnet, by: holder.node)
            return claim(table, view, after: own)
        }
        if own != settled { settle(own, view, now) }
        standing = own == settled ? .held(own.subnet) : .settling(own.subnet)
        return nil
    }

    private func isOfNetwork(_ subnet: IPv4Subnet) -> Bool {
        network.contains(subnet) && subnet.prefixLength == network.prefixLength + IPv4Subnet.nodeBits
    }

    private mutating func settle(_ own: SubnetClaim, _ view: View, _ now: Duration) {
        if settling?.claim != own { settling = (own, now) }
        guard let since = settling?.since else { return }
        let isKnown = view.others.allSatisfy { view.seen[$0, default: 0] >= own.stamp }
        let wait: Duration =
            if view.others.isEmpty {
                // Those it was told of may be there in a moment.
                hasLooked ? .zero : start + Self.lookLimit - since
            } else {
                isKnown ? Self.objectionTime : Self.settleLimit
            }
        if now >= since + wait {
            (settled, settling) = (own, nil)
        } else {
            deadline = since + wait
        }
    }

    /// The subnet to claim, in place of the claim that must yield.
    private mutating func claim(_ table: SubnetTable, _ view: View, after own: SubnetClaim?) -> IPv4Subnet? {
        guard hasLooked else {
            deadline = start + Self.lookLimit
            return nil
        }
        let taken = table.standing.filter { $0.node != node }.map(\.subnet)
        // After this node was forgotten, its containers need not move where nobody took its place.
        if own == nil, let former = settled?.subnet, isOfNetwork(former), !taken.contains(where: former.overlaps) {
            return former
        }
        // Of many that must yield at once the first takes the first free subnet, the second the second, and so on: those that
        // know the same do not meet again.
        let before = table.yielding.filter { yielding in
            view.others.contains(yielding.claim.node) && own.map { SubnetClaim.precedes(yielding.claim, $0) } ?? true
        }
        do {
            return try SubnetPlan.lowestFree(of: network, taken: taken, after: before.count)
        } catch {
            standing = .exhausted(error.message)
            return nil
        }
    }
}
