/// The retries after a transient failure, and the waits before them.
package struct RetryPolicy: Sendable, Hashable {
    /// Consecutive tries without progress, including the first.
    package var attempts = 5
    /// Broken connections of one layer, with or without progress: stops a server that sends a few bytes each time.
    package var reconnects = 50
    /// The wait before the second try; it doubles each time.
    package var base: Duration = .milliseconds(250)
    /// The longest wait, also if the server requests a longer one (`Retry-After`).
    package var cap: Duration = .seconds(20)

    package init() {}

    /// The wait before try `attempt` (the second is 1). Random jitter shortens it by up to half, so that nodes do not
    /// retry all at once.
    package func delay(
        before attempt: Int,
        retryAfter: Duration? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        if let retryAfter { return min(max(retryAfter, .zero), cap) }
        let full = min(base * (1 << min(attempt - 1, 16)), cap)
        return full - full / 2 * Double.random(in: 0..<1, using: &generator)
    }

    /// Whether a status is transient: the server is overloaded, or its backend is down.
    package static func isTransient(_ status: Int) -> Bool {
        [408, 429, 500, 502, 503, 504].contains(status)
    }
}
