public import StellarCore

/// Claims a subnet for one node, and decides when its containers may start on it.
///
/// ## Design
/// A claim is one record in the replicated store, written by its node. All nodes judge claims alike (``SubnetTable``): of two
/// that overlap the older one stands, and the node with the younger one claims another subnet. So nodes that are connected
/// end with different subnets, whatever happened in a split.
///
/// That alone would let two nodes that join at once start containers on one subnet for a moment. So a new claim is confirmed
/// first: every other live node has it (the store's watermark says so, or the node acknowledges it), and time has passed in
/// which an older claim would have arrived. The wait is bounded, for missing acknowledgements and for configured
/// peers that do not respond. After such a wait, and after a split, a node may have to give up a subnet that has containers.
///
/// A confirmed claim is kept on the node's own disk: at the next start it counts at once, unless it is disputed.
///
/// Call ``evaluate(_:now:)`` whenever its view changes, and at ``deadline``. The machine remembers acknowledgements and what
/// depends on time.
public struct SubnetClaims: Sendable {
    /// How long a node with configured or remembered peers waits for them before it claims a subnet. Gossip joins within a
    /// second where a peer responds; the API serves meanwhile.
    public static let searchLimit = Duration.seconds(10)
    /// How long after a claim an older one, written elsewhere in the same moment, may still arrive: fresh changes ride on
    /// gossip and are everywhere within about a second.
    public static let objectionTime = Duration.seconds(1)
    /// How long a live node may take to acknowledge the claim. Gossip finds a node dead before.
    public static let confirmLimit = Duration.seconds(10)

    /// What the node knows at one moment.
    public struct View: Sendable, Hashable {
        /// The claims of all nodes, this one's too.
        public var claims: [SubnetClaim]
        /// The names of the other live nodes.
        public var others: Set<String>
        /// By node: the stamp up to which it has all of this node's writes.
        public var seen: [String: UInt64]
        /// Whether this node has received all that another node holds.
        public var hasSynced: Bool
        /// Whether this node has configured or remembered peers.
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

    /// How far the node has come.
    public enum Standing: Sendable, Hashable {
        /// It has no claim yet: it waits for its peers, or its claim is being written.
        case unclaimed
        /// Not every live node has its claim yet.
        case confirming(IPv4Subnet)
        /// Containers may start.
        case held(IPv4Subnet)
        /// Its claim must yield to that of `by`; it claims another subnet.
        case disputed(IPv4Subnet, by: String)
        /// The network has no free subnet; why, in a sentence.
        case exhausted(String)
    }

    public let node: String
    /// The cluster's network, which is cut into 1024 subnets.
    public let network: IPv4Subnet
    public private(set) var standing = Standing.unclaimed
    /// When to evaluate at the latest, even if the view does not change; nil where only a change matters.
    public private(set) var deadline: Duration?
    /// The confirmed claim, to be kept on this node's disk.
    public private(set) var confirmed: SubnetClaim?

    private let start: Duration
    private var hasSearched = false
    /// The claim that waits for confirmation, and since when.
    private var confirming: (claim: SubnetClaim, since: Duration)?
    /// By node: the stamp of the newest claim of this node that it acknowledged.
    private var acknowledged: [String: UInt64] = [:]

    /// - Parameters:
    ///   - confirmed: from this node's disk.
    ///   - now: of any clock that only goes forward.
    public init(node: String, network: IPv4Subnet, confirmed: SubnetClaim? = nil, now: Duration) {
        self.node = node
        self.network = network
        self.confirmed = confirmed
        start = now
    }

    /// The stamp of the claim that live nodes should acknowledge; nil where none waits for confirmation.
    public var unconfirmedStamp: UInt64? {
        confirming?.claim.stamp
    }

    /// `node` says that it has this node's writes up to `stamp`.
    public mutating func acknowledge(_ stamp: UInt64, by node: String) {
        acknowledged[node] = max(stamp, acknowledged[node] ?? 0)
    }

    /// Judges the view. Returns the subnet to claim: the caller writes the claim into the store and evaluates again.
    public mutating func evaluate(_ view: View, now: Duration) -> IPv4Subnet? {
        deadline = nil
        let table = SubnetTable(view.claims)
        if !view.expectsOthers || (!view.others.isEmpty && view.hasSynced) || now >= start + Self.searchLimit {
            hasSearched = true
        }
        guard let own = view.claims.first(where: { $0.node == node }), isOfNetwork(own.subnet) else {
            confirming = nil
            standing = .unclaimed
            return claim(table, view, after: nil)
        }
        if let holder = table.holder(insteadOf: node) {
            confirming = nil
            standing = .disputed(own.subnet, by: holder.node)
            return claim(table, view, after: own)
        }
        if own != confirmed { confirm(own, view, now) }
        standing = own == confirmed ? .held(own.subnet) : .confirming(own.subnet)
        return nil
    }

    private func isOfNetwork(_ subnet: IPv4Subnet) -> Bool {
        network.contains(subnet) && subnet.prefixLength == network.prefixLength + IPv4Subnet.nodeBits
    }

    private mutating func confirm(_ own: SubnetClaim, _ view: View, _ now: Duration) {
        if confirming?.claim != own { confirming = (own, now) }
        guard let since = confirming?.since else { return }
        let isKnown = view.others.allSatisfy { max(view.seen[$0] ?? 0, acknowledged[$0] ?? 0) >= own.stamp }
        let wait: Duration =
            if view.others.isEmpty {
                // Its peers may respond in a moment.
                hasSearched ? .zero : start + Self.searchLimit - since
            } else {
                isKnown ? Self.objectionTime : Self.confirmLimit
            }
        if now >= since + wait {
            (confirmed, confirming) = (own, nil)
        } else {
            deadline = since + wait
        }
    }

    /// The subnet to claim, in place of the claim that must yield.
    private mutating func claim(_ table: SubnetTable, _ view: View, after own: SubnetClaim?) -> IPv4Subnet? {
        guard hasSearched else {
            deadline = start + Self.searchLimit
            return nil
        }
        let taken = table.standing.filter { $0.node != node }.map(\.subnet)
        // A node that was forgotten takes its former subnet where that is free: its containers need not move.
        if own == nil, let former = confirmed?.subnet, isOfNetwork(former), !taken.contains(where: former.overlaps) {
            return former
        }
        // Of many nodes that must yield at once the first takes the first free subnet, the second the second, and so on: nodes
        // with the same view choose different subnets.
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
