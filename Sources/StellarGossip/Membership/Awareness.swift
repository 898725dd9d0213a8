/// The health of this node in its own view (Lifeguard section IV.A, "local health multiplier"). A node is likely slow
/// itself if its probes fail although others reach the target, or if it has to refute its own death. It then gives all
/// other nodes more time.
struct Awareness: Sendable, Hashable {
    /// 0 is healthy.
    private(set) var score = 0
    /// One more than the highest score.
    let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    mutating func apply(_ delta: Int) {
        score = min(max(score + delta, 0), maximum - 1)
    }

    func scale(_ timeout: Duration) -> Duration { timeout * (score + 1) }
}
