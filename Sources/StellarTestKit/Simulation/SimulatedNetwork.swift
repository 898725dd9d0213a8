/// What a network does to datagrams and streams, decided by a seed.
public struct SimulatedNetwork: Sendable {
    /// The chance that a datagram is lost, each way.
    public var loss = 0.0
    /// The chance that it comes twice.
    public var duplication = 0.0
    /// The shortest way from one node to another.
    public var latency = Duration.microseconds(200)
    /// What is added to it, on average: exponentially distributed, so that datagrams overtake each other.
    public var jitter = Duration.microseconds(300)
    /// The chance that a datagram takes a hundred times as long.
    public var tail = 0.0
    /// Bytes that a datagram may have; longer ones are lost.
    public var maximumDatagram = 1500
    /// The group of each node; datagrams pass within a group only. Empty: all are one.
    public var groups: [Int: Int] = [:]
    /// Links that are cut in one direction.
    public var cut: Set<Link> = []
    /// Links on which everything waits until they are opened again: from, to.
    public var clogged: Set<Link> = []

    /// One direction between two nodes.
    public struct Link: Sendable, Hashable {
        public var from: Int
        public var to: Int

        public init(from: Int, to: Int) {
            self.from = from
            self.to = to
        }
    }

    public init() {}

    /// Whether anything gets from one to the other.
    public func connects(_ from: Int, _ to: Int) -> Bool {
        groups[from, default: 0] == groups[to, default: 0] && !cut.contains(Link(from: from, to: to))
    }

    /// When each copy of a datagram arrives; none is a loss.
    func deliveries(
        from: Int,
        to: Int,
        bytes: Int,
        using random: inout SplitMix64
    ) -> [Duration] {
        guard connects(from, to), bytes <= maximumDatagram, !chance(loss, &random) else { return [] }
        var delays = [delay(&random)]
        if chance(duplication, &random) { delays.append(delay(&random)) }
        return delays
    }

    func delay(_ random: inout SplitMix64) -> Duration {
        // Von Neumann's way to exponential numbers would need no logarithm; an average of uniform ones does as well here.
        let uniform = Double(random.next() >> 11) * 0x1p-53
        let factor = 2 * uniform * uniform * 1.5
        let whole = latency + jitter * factor
        return chance(tail, &random) ? whole * 100 : whole
    }

    private func chance(_ probability: Double, _ random: inout SplitMix64) -> Bool {
        probability > 0 && Double(random.next() >> 11) * 0x1p-53 < probability
    }
}
