/// Decides when a process that was just started counts as running.
///
/// A program that cannot work (a bad option, a missing file) ends within its first moments, and whoever created the app
/// should hear of it at once. A program that waits (for connections, a timer, a child) has got over its start. So the
/// watch is over when the process ended, when it has waited for ``quietPeriod`` without using the processor, or after
/// ``limit``.
struct SettleWatch: Sendable {
    /// As long as a program that starts is likely to wait for anything but the disk.
    static let quietPeriod = Duration.milliseconds(12)
    /// The longest that a create is held back by a program that is busy from the start.
    static let limit = Duration.milliseconds(500)
    /// How often to look: the price is one read of a file of /proc.
    static let interval = Duration.milliseconds(3)

    enum Verdict: Sendable, Hashable {
        case wait
        case running
        case ended
    }

    private let start: ContinuousClock.Instant
    private var quietSince: ContinuousClock.Instant?
    private var lastTicks: UInt64?

    init(now: ContinuousClock.Instant) {
        start = now
    }

    /// - Parameter sample: nil when the process is gone.
    mutating func verdict(_ sample: ProcessSample?, now: ContinuousClock.Instant) -> Verdict {
        guard let sample, !sample.hasEnded else { return .ended }
        if sample.isWaiting, sample.cpuTicks == lastTicks, let quietSince {
            if now - quietSince >= Self.quietPeriod { return .running }
        } else {
            quietSince = sample.isWaiting ? now : nil
        }
        lastTicks = sample.cpuTicks
        return now - start >= Self.limit ? .running : .wait
    }
}
