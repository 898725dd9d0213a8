/// The time that a suspected node has to refute (Lifeguard section IV.B): long while one node alone suspects it,
/// shorter with each other node that does.
struct Suspicion: Sendable, Hashable {
    let incarnation: UInt32
    private(set) var start: GossipTime
    /// Confirmations that bring it down to the minimum. 0 if the cluster has too few nodes to confirm it.
    let expected: Int
    let minimum: Duration
    let maximum: Duration
    /// The names of the nodes that suspect it: the first one, and at most ``expected`` more.
    private(set) var accusers: [String]

    init(
        incarnation: UInt32,
        from: String,
        start: GossipTime,
        nodes: Int,
        configuration: GossipConfiguration
    ) {
        let wanted = configuration.suspicionMultiplier - 2
        expected = nodes - 2 < wanted ? 0 : max(wanted, 0)
        minimum = Formulas.suspicionTimeout(
            multiplier: configuration.suspicionMultiplier,
            nodes: nodes,
            interval: configuration.probeInterval
        )
        maximum = minimum * configuration.suspicionMaximumMultiplier
        accusers = [from]
        self.incarnation = incarnation
        self.start = start
    }

    private var confirmations: Int { accusers.count - 1 }

    var deadline: GossipTime {
        start
            + Formulas.suspicionDuration(
                confirmations: confirmations,
                expected: expected,
                minimum: minimum,
                maximum: maximum
            )
    }

    /// Starts the time again.
    mutating func restart(now: GossipTime) {
        start = now
    }

    /// - Returns: whether the confirmation counts, and must be spread: a repeated one, or one too many, does not.
    mutating func confirm(by node: String) -> Bool {
        guard confirmations < expected, !accusers.contains(node) else { return false }
        accusers.append(node)
        // More confirmations than expected would shorten the time below the minimum, in which the node can refute.
        assert(confirmations <= expected && deadline >= start + minimum, "the suspicion ends too early")
        return true
    }
}
