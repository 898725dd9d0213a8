/// How a node gossips. The three presets are memberlist's (`config.go`). Each field says what it costs and brings; `n`
/// is the number of nodes. Every field may be set; all nodes of a cluster should have the same values.
public struct GossipConfiguration: Sendable, Hashable {
    // MARK: Probes (SWIM section 3)

    /// How often this node pings one other node, in turn. A dead node is first noticed after about this long, whatever
    /// n is, because each node probes one and is probed by one; at the latest after `(2n - 1) × probeInterval`. Shorter
    /// notices sooner, and costs each node two packets in each interval more.
    public var probeInterval: Duration
    /// How long a ping may take before other nodes try. It should be above the 99th percentile of round trips and below
    /// `probeInterval`: shorter causes needless indirect pings, longer leaves the helpers less time.
    public var probeTimeout: Duration
    /// How many helpers ping a node that did not answer. With a loss of p in each direction, a live node is suspected
    /// with a probability of about `(1 - (1 - p)²) × (1 - (1 - p)⁴)ᵏ`. More helpers survive more loss; each costs up to
    /// four packets for each failed ping.
    public var indirectChecks: Int
    /// Whether a node that does not answer a datagram is also pinged on a stream: it is alive if only datagrams are
    /// lost. Switch it off if such a node should count as dead.
    public var streamPings = true

    // MARK: Suspicion (SWIM section 4.2, Lifeguard section IV.B)

    /// A suspicion lasts at least `suspicionMultiplier × max(1, log10 n) × probeInterval` before the node is declared
    /// dead. In that time the node can receive the suspicion and refute it. `suspicionMultiplier - 2` other nodes have
    /// to confirm a suspicion for this shortest time. Longer forgives longer pauses and finds dead nodes later.
    public var suspicionMultiplier: Int
    /// A suspicion without confirmations lasts this many times as long; with c of k confirmations
    /// `max - (max - min) × ln(c + 1) / ln(k + 1)`. So a node that receives nothing does not evict healthy nodes.
    /// 1 switches this off.
    public var suspicionMaximumMultiplier: Int
    /// The highest multiplier of the time of a node's probes, while it notices that it is slow itself (Lifeguard
    /// section IV.A). Higher suspects healthy nodes less; a slow node then finds dead nodes that much later. 1 switches
    /// this off.
    public var awarenessMaximum: Int

    // MARK: Gossip (SWIM section 4.1)

    /// How often news is gossiped. It reaches all nodes in about `log(n) / log(1 + gossipNodes)` intervals. Shorter is
    /// faster, in more and smaller packets.
    public var gossipInterval: Duration
    /// How many nodes get news in each interval, in one packet each.
    public var gossipNodes: Int
    /// For how long after its death a node still gets news, so that a node that was wrongly declared dead can refute
    /// it. After that the membership forgets the node; `Rejoin` still looks for it (``RejoinConfiguration``).
    public var gossipToTheDead: Duration
    /// Each node sends each message `retransmitMultiplier × ⌈log10(n + 1)⌉` times. More survives more loss.
    public var retransmitMultiplier: Int

    // MARK: Push/pull

    /// How often this node exchanges its whole state with one other node. From 33 nodes on the interval is
    /// `pushPullInterval × (⌈log2 n - 5⌉ + 1)`, because the cost for each node grows with n. Shorter repairs sooner
    /// what gossip missed.
    public var pushPullInterval: Duration
    /// How long a stream may take, including its connection: a push/pull, a message, a stream that a peer opens.
    /// Shorter frees the places of slow streams sooner, and fails if a whole state does not get through in time.
    public var streamTimeout: Duration

    // MARK: Limits

    /// Bytes of a datagram with all layers: small enough for every path to carry unfragmented. 1400 leaves room for
    /// IPv6, tunnels and VXLAN in Ethernet's 1500. Larger carries more news in fewer packets, if the paths allow it.
    public var datagramBytes = 1400
    /// Bytes of news that may wait to be sent. Four megabytes are about thirty thousand messages; above that the queue
    /// drops the messages that were sent most often.
    public var queueBytes = 4 << 20
    /// Bytes of the application's messages that may wait to be sent. At three datagrams each 200 ms it takes some
    /// seconds to send that many often enough; an application gets older messages faster by a request.
    public var userQueueBytes = 32 << 10
    /// How long after a node's death another address may take its name. Zero: at once, because a machine that comes
    /// back under a new address is the usual case here. nil: never, as in memberlist.
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
