/// A moment of a clock that only goes forward, from an arbitrary start. The driver reads ``GossipClock``, the
/// simulation its own clock.
public struct GossipTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's start: 292 years fit.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static func < (left: GossipTime, right: GossipTime) -> Bool { left.nanoseconds < right.nanoseconds }

    public static func + (time: GossipTime, duration: Duration) -> GossipTime {
        GossipTime(nanoseconds: time.nanoseconds &+ duration.nanoseconds)
    }

    public static func - (later: GossipTime, earlier: GossipTime) -> Duration {
        .nanoseconds(later.nanoseconds &- earlier.nanoseconds)
    }
}

extension Duration {
    /// In nanoseconds, clamped to 292 years.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return product &+ attoseconds / 1_000_000_000
    }

    var inSeconds: Double { Double(nanoseconds) / 1e9 }
}
