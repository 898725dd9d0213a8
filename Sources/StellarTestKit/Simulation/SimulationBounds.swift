public import StellarGossip

/// What is promised, in numbers, of a cluster of so many nodes. Each bound says where it comes from; what a run keeps of
/// it is looked at by ``SimulationChecks``.
public struct SimulationBounds: Sendable {
    public let configuration: GossipConfiguration
    public let nodes: Int
    /// The share of datagrams that may get lost, each way, while nobody alive may be called dead. A failed probe means
    /// nothing by itself: a ping and its answer get lost with 1 - 0.9² = 19 %, the way over each of three helpers with
    /// 1 - 0.9⁴ = 34 %, all of it with 0.8 %, and then there is the stream, which gets through. What is left is bridged by
    /// the suspicion: in its shortest time the accused is pinged with the accusation, and some twenty rounds of gossip
    /// carry it there and the objection back.
    public var loss = 0.1

    public init(configuration: GossipConfiguration, nodes: Int) {
        self.configuration = configuration
        self.nodes = nodes
    }

    /// Nobody who is silent for less than this is called dead, whoever suspects him.
    public var shortestSuspicion: Duration {
        Formulas.suspicionTimeout(
            multiplier: configuration.suspicionMultiplier,
            nodes: nodes,
            interval: configuration.probeInterval
        )
    }

    /// Nobody who is silent for longer than this, from the first suspicion on, is still called alive.
    public var longestSuspicion: Duration { shortestSuspicion * configuration.suspicionMaximumMultiplier }

    /// How long a node may stand still within the design.
    ///
    /// Less than half of a probe's time is not even noticed: the stream answers late. Up to half of the shortest suspicion
    /// it is suspected, and has the other half to hear of it and to object. The objection is one message, which each node
    /// sends `retransmitMultiplier × ⌈log₁₀(n + 1)⌉` times to somebody, so that of so many, less the loss, each gets some on
    /// average; with the multiplier 4 of `lan` and `wan` and little loss next to nobody gets none.
    public func pause(loss: Double) -> Duration {
        configuration.retransmitMultiplier >= 4 && loss <= 0.01
            ? shortestSuspicion / 2 : configuration.probeInterval / 2
    }

    /// News reach all in about log₂ n rounds of gossip; three times that, and five more, where datagrams get lost.
    public var news: Duration { configuration.gossipInterval * (5 + 3 * Self.log2(nodes)) }

    /// In a round of n - 1 probes each node probes each; with a shuffle in between twice as many can lie between two
    /// probes of one. With many nodes the first of them is much sooner: that none of n probes hits a node in 20 intervals
    /// has the probability e⁻²⁰. A node that thinks ill of itself probes more slowly: twice that.
    public var firstProbe: Duration { configuration.probeInterval * (2 * min(2 * nodes, 20)) }

    /// From a crash until everybody has noticed.
    public var noticed: Duration {
        firstProbe + configuration.probeInterval * 2 + longestSuspicion + news
    }

    /// From the end of all faults until all views are equal again: what was suspected is settled, then news spread, and
    /// what they missed comes with the next comparison of everything, begun by either side, the one after it at the latest.
    public var settled: Duration {
        noticed + Formulas.pushPullInterval(configuration.pushPullInterval, nodes: nodes) * 2 + reunion
    }

    /// Until two sides that forgot each other find each other again: a try can have begun just before the way opened, and
    /// be waiting for its stream to fail; the next one comes after the longest pause between tries.
    public var reunion: Duration { configuration.streamTimeout + RejoinConfiguration().longestDelay }

    static func log2(_ count: Int) -> Int { count <= 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount }
}
