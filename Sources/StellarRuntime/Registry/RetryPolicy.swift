/// How often something that may pass is tried again, and how long is waited before.
package struct RetryPolicy: Sendable, Hashable {
    /// Tries in a row without progress, the first included.
    package var attempts = 5
    /// Broken connections of one layer, progress or not: a server that sends a few bytes each time ends too.
    package var reconnects = 50
    /// The wait before the second try; it doubles with each further one.
    package var base: Duration = .milliseconds(250)
    /// The longest wait, also where the server asks for a longer one (`Retry-After`).
    package var cap: Duration = .seconds(20)

    package init() {}

    /// The wait before try `attempt` (the second is 1). Up to a half is taken off at random, so that nodes that were
    /// turned away together do not come back together.
    package func delay(
        before attempt: Int,
        retryAfter: Duration? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        if let retryAfter { return min(max(retryAfter, .zero), cap) }
        let full = min(base * (1 << min(attempt - 1, 16)), cap)
        return full - full / 2 * Double.random(in: 0..<1, using: &generator)
    }

    /// Statuses that may pass: the server has too much to do, or something behind it is away.
    package static func isTransient(_ status: Int) -> Bool {
        [408, 429, 500, 502, 503, 504].contains(status)
    }
}
