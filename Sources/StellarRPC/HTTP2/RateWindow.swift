package import NIOCore

/// Counts events in a fixed span that starts with the first one.
package struct RateWindow: Sendable {
    private let limit: Int
    private let span: TimeAmount
    private var start: NIODeadline?
    private var count = 0

    package init(limit: Int, span: Duration) {
        self.limit = limit
        self.span = TimeAmount(span)
    }

    /// - Returns: whether the event is still within the limit.
    package mutating func record(now: NIODeadline) -> Bool {
        if let start, now - start < span {
            count += 1
        } else {
            start = now
            count = 1
        }
        return count <= limit
    }
}
