/// How well this node itself seems to be (Lifeguard section IV.A, "local health multiplier"). A node whose own probes
/// fail although others say the target lives, or who has to object to its own death, is likely the slow one; it gives
/// everybody more time before it complains.
struct Awareness: Sendable, Hashable {
    /// 0 is well.
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
