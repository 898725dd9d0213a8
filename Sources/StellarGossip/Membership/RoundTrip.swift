/// The smoothed round-trip time of pings that were acknowledged directly and in time (RFC 6298 section 2).
///
/// It is small, in microseconds, because every node has one for every member.
public struct RoundTrip: Sendable, Hashable {
    private var mean: Float
    private var deviation: Float
    public private(set) var samples: UInt32 = 1

    /// The mean: it moves by an eighth of the difference to each new sample.
    public var smoothed: Duration { .microseconds(Int64(mean)) }
    /// The mean deviation: it moves by a quarter.
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
