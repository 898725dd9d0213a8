/// The faults and delays of a simulated network.
public struct SimulatedNetwork: Sendable {
    /// The probability that a datagram is lost, in each direction.
    public var loss = 0.0
    /// The probability that it arrives twice.
    public var duplication = 0.0
    /// The shortest delay from one node to another.
    public var latency = Duration.microseconds(200)
    /// The average additional delay, mostly small and sometimes three times as much, so that datagrams overtake each
    /// other.
    public var jitter = Duration.microseconds(300)
    /// The probability that a datagram is a late one. The delays of late ones have no average: they are Pareto
    /// distributed with α = 1, half of them twice as late as any other, one in a hundred a hundred times.
    public var tail = 0.0
    /// The longest delay of a late one.
    public var longestDelay = Duration.seconds(10)
    /// Bytes that a datagram may have (the path's MTU, less the headers of IP and UDP); longer ones are lost.
    public var maximumDatagram = 1472
    /// The probability that a stream breaks after its first half: the peer has the request, and no response comes back.
    public var streamBreaks = 0.0
    /// The group of each node; nothing passes from one group to another. Empty: all are in one group.
    public var groups: [Int: Int] = [:]
    /// Links that are cut in one direction.
    public var cut: Set<Link> = []
    /// Links on which everything waits until they are open again.
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

    /// Whether datagrams pass from one node to the other.
    public func connects(_ from: Int, _ to: Int) -> Bool {
        (groups.isEmpty || groups[from, default: 0] == groups[to, default: 0])
            && (cut.isEmpty || !cut.contains(Link(from: from, to: to)))
    }

    func isClogged(_ from: Int, _ to: Int) -> Bool {
        !clogged.isEmpty && clogged.contains(Link(from: from, to: to))
    }

    /// How often a datagram arrives; 0 if it is lost.
    func copies(from: Int, to: Int, bytes: Int, using random: inout SplitMix64) -> Int {
        guard connects(from, to), bytes <= maximumDatagram, !random.chance(loss) else { return 0 }
        return random.chance(duplication) ? 2 : 1
    }

    /// The delay of one datagram, in nanoseconds.
    func delay(_ random: inout SplitMix64) -> Int64 {
        // Neither logarithm nor power: their last bits differ between machines, and the run would differ, too.
        let uniform = random.fraction()
        let delay = latency.inNanoseconds + Int64(Double(jitter.inNanoseconds) * 3 * uniform * uniform)
        guard random.chance(tail) else { return delay }
        return min(Int64(Double(delay) / max(random.fraction(), 1e-9)), longestDelay.inNanoseconds)
    }
}

extension SplitMix64 {
    /// In 0..<1.
    package mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// True with this probability.
    package mutating func chance(_ probability: Double) -> Bool { probability > 0 && fraction() < probability }
}

extension Duration {
    package var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
