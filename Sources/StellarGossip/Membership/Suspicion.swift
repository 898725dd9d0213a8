/// The time that a suspected node has to object (Lifeguard section IV.B): long while one node alone suspects it, shorter
/// with each other that does, too.
struct Suspicion: Sendable, Hashable {
    let incarnation: UInt32
    private(set) var start: GossipTime
    /// Confirmations that bring it down to the minimum. 0 where there are too few nodes to confirm anything.
    let expected: Int
    let minimum: Duration
    let maximum: Duration
    /// Who suspects it. At most ``expected`` beside the first.
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

    /// Gives the node its time once more.
    mutating func restart(now: GossipTime) {
        start = now
    }

    /// - Returns: whether this is news, to be passed on: one that we have heard, or one too many, is not.
    mutating func confirm(by node: String) -> Bool {
        guard confirmations < expected, !accusers.contains(node) else { return false }
        accusers.append(node)
        return true
    }
}
