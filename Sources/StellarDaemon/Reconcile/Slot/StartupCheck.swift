/// Decides when a process that was just started counts as running.
///
/// A program that cannot work (a bad option, a missing file) ends within its first moments, and the caller of a create should
/// get the reason at once; a program that works should not delay the create. No clock separates the two, but the kernel
/// shows what the process and its descendants do:
///
/// - the process has ended: it failed, or was a job that is done;
/// - one of them works, or has worked since the last look: it is still starting;
/// - all wait, one of them in a sleep that is over within ``limit`` (`sleep 0.3; exit 1`): what it does then shows more;
/// - all wait for something else (connections, events, a child that waits, a long timer), and have for ``quietPeriod``:
///   they have got over their start;
/// - ``limit`` is over: whatever it does, it has run that long.
struct StartupCheck: Sendable {
    /// As long as a program that starts is likely to wait for anything but the disk.
    static let quietPeriod = Duration.milliseconds(12)
    /// The longest that a create is held back by a program that is busy from the start, or that sleeps in small steps.
    static let limit = Duration.seconds(1)
    /// How often to look: the price is a few reads of files of /proc.
    static let interval = Duration.milliseconds(3)

    enum Verdict: Sendable, Hashable {
        case wait
        case running
        case ended
    }

    private let start: ContinuousClock.Instant
    private var quietSince: ContinuousClock.Instant?
    private var last: (processes: Int, ticks: UInt64)?

    init(now: ContinuousClock.Instant) {
        start = now
    }

    /// - Parameter tree: the process and its descendants, itself first; empty when it is gone.
    mutating func verdict(_ tree: [ProcessSample], now: ContinuousClock.Instant) -> Verdict {
        guard let process = tree.first, !process.hasEnded else { return .ended }
        // A zombie does no work.
        let living = tree.filter { !$0.hasEnded }
        let present = (processes: living.count, ticks: living.reduce(0) { $0 + $1.cpuTicks })
        let allWait = living.allSatisfy(\.isWaiting)
        if allWait, let last, last == present, let quietSince {
            let endsSoon = living.contains { $0.sleep.map { $0 <= Self.limit } ?? false }
            if now - quietSince >= Self.quietPeriod, !endsSoon { return .running }
        } else {
            quietSince = allWait ? now : nil
        }
        last = present
        return now - start >= Self.limit ? .running : .wait
    }
}
