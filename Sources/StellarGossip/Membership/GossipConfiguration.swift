/// How a node gossips. The three presets are memberlist's; what one field costs and buys is said at the field, `n` being
/// the number of nodes.
public struct GossipConfiguration: Sendable, Hashable {
    /// How often one node, picked in turn, is pinged. A dead node is first noticed after about this long, whatever n is
    /// (each node probes one, and is probed by one). Shorter finds sooner and costs each node two packets an interval.
    public var probeInterval: Duration
    /// How long a ping may take before others are asked to try. Should be above the 99th percentile of round trips.
    public var probeTimeout: Duration
    /// How many others are asked. More survive more packet loss, and cost up to four packets each per failed ping.
    public var indirectChecks: Int
    /// Whether a node that does not answer a datagram is also tried on a stream: it is alive if only datagrams are lost.
    public var streamPings = true

    /// Suspicion lasts at least `suspicionMultiplier × max(1, log10 n) × probeInterval` before a node is called dead:
    /// the time that it has to hear of it and object. Longer forgives longer pauses and finds the dead later.
    public var suspicionMultiplier: Int
    /// Without confirmations of others suspicion lasts this many times as long (Lifeguard section IV.B): a node that is
    /// itself the one that hears nothing does not evict the healthy.
    public var suspicionMaximumMultiplier: Int
    /// Highest multiplier of a node's own time-outs while it notices that it is slow itself (Lifeguard section IV.A).
    public var awarenessMaximum: Int

    /// How often news are passed on, and to how many. News reach all in about `log(n) / log(1 + nodes)` intervals.
    public var gossipInterval: Duration
    public var gossipNodes: Int
    /// For how long after its death a node still gets news, so that one that was wrongly called dead can object; it is
    /// forgotten after that.
    public var gossipToTheDead: Duration
    /// Every message is sent `retransmitMultiplier × ⌈log10(n + 1)⌉` times by each node. More survive more loss.
    public var retransmitMultiplier: Int

    /// How often everything is compared with one other node. From 33 nodes on this grows with log2 n, as the cost per
    /// node grows with n.
    public var pushPullInterval: Duration
    /// How long a stream may take.
    public var streamTimeout: Duration

    /// Bytes of a datagram, all layers included: below what every path takes in one piece. 1400 leaves room for IPv6,
    /// tunnels and VXLAN in Ethernet's 1500.
    public var datagramBytes = 1400
    /// Bytes of news that may wait to be passed on. Four megabytes are about thirty thousand messages; beyond them the
    /// ones that were sent most often go first.
    public var queueBytes = 4 << 20
    /// After how long the name of a dead node may be taken by another address. Zero: at once, as a machine that comes
    /// back under a new address is the usual case here. nil: never, as memberlist has it.
    public var reclaimAfter: Duration? = .zero

    /// Nodes on one machine.
    public static let local = GossipConfiguration(
        probeInterval: .seconds(1),
        probeTimeout: .milliseconds(200),
        indirectChecks: 1,
        suspicionMultiplier: 3,
        suspicionMaximumMultiplier: 6,
        awarenessMaximum: 8,
        gossipInterval: .milliseconds(100),
        gossipNodes: 3,
        gossipToTheDead: .seconds(15),
        retransmitMultiplier: 2,
        pushPullInterval: .seconds(15),
        streamTimeout: .seconds(1)
    )

    /// Nodes in one data centre.
    public static let lan = GossipConfiguration(
        probeInterval: .seconds(1),
        probeTimeout: .milliseconds(500),
        indirectChecks: 3,
        suspicionMultiplier: 4,
        suspicionMaximumMultiplier: 6,
        awarenessMaximum: 8,
        gossipInterval: .milliseconds(200),
        gossipNodes: 3,
        gossipToTheDead: .seconds(30),
        retransmitMultiplier: 4,
        pushPullInterval: .seconds(30),
        streamTimeout: .seconds(10)
    )

    /// Nodes all over the world.
    public static let wan = GossipConfiguration(
        probeInterval: .seconds(5),
        probeTimeout: .seconds(3),
        indirectChecks: 3,
        suspicionMultiplier: 6,
        suspicionMaximumMultiplier: 6,
        awarenessMaximum: 8,
        gossipInterval: .milliseconds(500),
        gossipNodes: 4,
        gossipToTheDead: .seconds(60),
        retransmitMultiplier: 4,
        pushPullInterval: .seconds(60),
        streamTimeout: .seconds(30)
    )
}
