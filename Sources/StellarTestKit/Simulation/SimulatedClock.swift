/// The clock of one node. It runs a little too fast or too slow, and can jump ahead, like a clock that counts the time
/// of a suspended computer. Like the monotonic clock that it simulates, it never goes back.
public struct SimulatedClock: Sendable {
    /// Seconds of this clock in one real second.
    public private(set) var rate = 1.0
    /// A real moment, and the time of this clock then.
    private var realAnchor: Int64
    private var localAnchor: Int64

    init(real: Int64, local: Int64) {
        realAnchor = real
        localAnchor = local
    }

    /// The time of this clock at a real moment.
    func local(_ real: Int64) -> Int64 {
        let passed = real - realAnchor
        return localAnchor + (rate == 1 ? passed : Int64(Double(passed) * rate))
    }

    /// The first real moment at which this clock shows `local` or more.
    func real(_ local: Int64) -> Int64 {
        let passed = local - localAnchor
        guard rate != 1 else { return realAnchor + passed }
        var real = realAnchor + Int64(Double(passed) / rate)
        while self.local(real) < local { real += 1 }
        return real
    }

    mutating func run(at rate: Double, from real: Int64) {
        (localAnchor, realAnchor) = (local(real), real)
        self.rate = rate
    }

    mutating func step(by nanoseconds: Int64) {
        localAnchor += nanoseconds
    }
}
