/// How a node gossips. The three presets are memberlist's (`config.go`); what one field costs and buys is said at the
/// field, `n` being the number of nodes. Every field may be set; all nodes of a cluster should have the same.
public struct GossipConfiguration: Sendable, Hashable {
    // MARK: Is it there? (SWIM section 3)

    /// How often one node, picked in turn, is pinged. A dead node is first noticed after about this long, whatever n is:
    /// each node probes one, and is probed by one; with certainty after `(2n - 1) × probeInterval`. Shorter finds sooner, and
    /// costs each node two packets an interval more.
    public var probeInterval: Duration
    /// How long a ping may take before others are asked to try. Should be above the 99th percentile of round trips and
    /// below `probeInterval`: shorter asks in vain, longer leaves the others less time.
    public var probeTimeout: Duration
    /// How many others are asked. With a loss of p in each direction, a living node is suspected with about
    /// `(1 - (1 - p)²) × (1 - (1 - p)⁴)ᵏ`. More survive more loss, and cost up to four packets each per ping that failed.
    public var indirectChecks: Int
    /// Whether a node that does not answer a datagram is also tried on a stream: it is alive if only datagrams are lost. Off
    /// where such a node should be called dead.
    public var streamPings = true

    // MARK: Is it dead? (SWIM section 4.2, Lifeguard section IV.B)

    /// Suspicion lasts at least `suspicionMultiplier × max(1, log10 n) × probeInterval` before a node is called dead: the
    /// time that it has to hear of it and object. `suspicionMultiplier - 2` others have to confirm it for that. Longer
    /// forgives longer pauses and finds the dead later.
    public var suspicionMultiplier: Int
    /// Without confirmations suspicion lasts this many times as long, with c of k of them
    /// `max - (max - min) × ln(c + 1) / ln(k + 1)`: a node that is itself the one that hears nothing does not evict the healthy.
    /// 1 switches that off.
    public var suspicionMaximumMultiplier: Int
    /// Highest multiplier of a node's own time-outs while it notices that it is slow itself (Lifeguard section IV.A). Higher
    /// blames others less, and finds the dead that much later on nodes that are slow. 1 switches it off.
    public var awarenessMaximum: Int

    // MARK: Passing news on (SWIM section 4.1)

    /// How often news are passed on. They reach all in about `log(n) / log(1 + gossipNodes)` intervals. Shorter is faster, in
    /// more and smaller packets.
    public var gossipInterval: Duration
    /// To how many they are passed on each time, in one packet each.
    public var gossipNodes: Int
    /// For how long after its death a node still gets news, so that one that was wrongly called dead can object; it is
    /// forgotten by the membership after that, though not by whoever looks for it (``RejoinConfiguration``).
    public var gossipToTheDead: Duration
    /// Every message is sent `retransmitMultiplier × ⌈log10(n + 1)⌉` times by each node. More survive more loss.
    public var retransmitMultiplier: Int

    // MARK: Comparing everything

    /// How often everything is compared with one other node. From 33 nodes on it is
    /// `pushPullInterval × (⌈log2 n - 5⌉ + 1)`, as the cost per node grows with n. Shorter heals what gossip missed sooner.
    public var pushPullInterval: Duration
    /// How long a stream may take, with its connection: a push/pull, a message, what a peer opens. Shorter frees the places
    /// of those that are slow sooner, and fails where everything to compare does not get through in time.
    public var streamTimeout: Duration

    // MARK: Limits

    /// Bytes of a datagram, all layers included: below what every path takes in one piece. 1400 leaves room for IPv6,
    /// tunnels and VXLAN in Ethernet's 1500. Larger carries more news in fewer packets, where the paths allow it.
    public var datagramBytes = 1400
    /// Bytes of news that may wait to be passed on. Four megabytes are about thirty thousand messages; beyond them the
    /// ones that were sent most often go first.
    public var queueBytes = 4 << 20
    /// The same for an application's messages. At three datagrams each 200 ms it takes some seconds to send so many often
    /// enough; what is older than that is better asked for.
    public var userQueueBytes = 32 << 10
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
