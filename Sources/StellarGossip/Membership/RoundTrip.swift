/// The round trip of a ping, from those that were answered directly and in time (RFC 6298 section 2).
///
/// In microseconds, and small: there is one of every member on every node.
public struct RoundTrip: Sendable, Hashable {
    private var mean: Float
    private var deviation: Float
    public private(set) var samples: UInt32 = 1

    /// Moves by an eighth of what each new one differs.
    public var smoothed: Duration { .microseconds(Int64(mean)) }
    /// The mean deviation; moves by a quarter.
    public var variation: Duration { .microseconds(Int64(deviation)) }

    init(_ first: Duration) {
        mean = Self.microseconds(first)
        deviation = mean / 2
    }

    mutating func add(_ sample: Duration) {
        let difference = Self.microseconds(sample) - mean
        deviation += (abs(difference) - deviation) / 4
        mean += difference / 8
        samples &+= 1
    }

    private static func microseconds(_ duration: Duration) -> Float { Float(max(duration.nanoseconds, 0)) / 1000 }
}
