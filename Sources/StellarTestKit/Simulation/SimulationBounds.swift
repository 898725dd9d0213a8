public import StellarGossip

/// The guarantees in numbers, for a cluster of this many nodes. Each bound says where it comes from;
/// ``SimulationChecks`` checks that a run keeps it.
public struct SimulationBounds: Sendable {
    public let configuration: GossipConfiguration
    public let nodes: Int
    /// The share of datagrams, in each direction, that may be lost while no live node may be declared dead. A failed
    /// probe means nothing by itself: a ping and its acknowledgement get lost with 1 - 0.9² = 19 %, the path over each
    /// of three helpers with 1 - 0.9⁴ = 34 %, all of them with 0.8 %, and then the ping on the stream gets through. The
    /// suspicion bridges the rest: in its shortest time the suspected node gets a ping with the suspicion, and some
    /// twenty rounds of gossip carry the suspicion there and the refutation back.
    public var loss = 0.1

    public init(configuration: GossipConfiguration, nodes: Int) {
        self.configuration = configuration
        self.nodes = nodes
    }

    /// A node that is silent for less than this is not declared dead, however many nodes suspect it.
    public var shortestSuspicion: Duration {
        Formulas.suspicionTimeout(
            multiplier: configuration.suspicionMultiplier,
            nodes: nodes,
            interval: configuration.probeInterval
        )
    }

    /// A node that is silent for longer than this from the first suspicion on is declared dead.
    public var longestSuspicion: Duration { shortestSuspicion * configuration.suspicionMaximumMultiplier }

    /// How long a node may stand still without a disturbance.
    ///
    /// Less than half of a probe interval is not even noticed: the ping on the stream is acknowledged late. Up to half
    /// of the shortest suspicion the node is suspected, and has the other half to receive the suspicion and refute it.
    /// The refutation is one message. Each node sends it `retransmitMultiplier × ⌈log₁₀(n + 1)⌉` times to a random
    /// node, so each node receives that many on average, less the loss. With the multiplier 4 of `lan` and `wan` and
    /// little loss, hardly any node receives none.
    public func pause(loss: Double) -> Duration {
        configuration.retransmitMultiplier >= 4 && loss <= 0.01
            ? shortestSuspicion / 2 : configuration.probeInterval / 2
    }

    /// Until all nodes have a piece of news: about log₂ n rounds of gossip, or three times that and five more with
    /// losses.
    public var news: Duration { configuration.gossipInterval * (5 + 3 * Self.log2(nodes)) }

    /// Until the first probe of a crashed node. In a round of n - 1 probes each node probes every other. With a shuffle
    /// in between, twice as many can lie between two probes of one node. With many nodes the first probe is much
    /// sooner: the probability that none of n nodes probes a certain one in 20 intervals is e⁻²⁰. A node with a bad
    /// awareness score probes more slowly: twice that.
    public var firstProbe: Duration { configuration.probeInterval * (2 * min(2 * nodes, 20)) }

    /// From a crash until all nodes have noticed it.
    public var noticed: Duration {
        firstProbe + configuration.probeInterval * 2 + longestSuspicion + news
    }

    /// From the end of all faults until all views are equal again: suspicions end, then news spreads, and what it
    /// missed comes with the next push/pull of either side, or at the latest with the one after.
    public var convergence: Duration {
        noticed + Formulas.pushPullInterval(configuration.pushPullInterval, nodes: nodes) * 2 + reunion
    }

    /// Until two sides that forgot each other find each other again. An attempt may have started just before the link
    /// opened, and must fail first; the next one comes after the longest delay between attempts.
    public var reunion: Duration { configuration.streamTimeout + RejoinConfiguration().longestDelay }

    static func log2(_ count: Int) -> Int { count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount }
}
