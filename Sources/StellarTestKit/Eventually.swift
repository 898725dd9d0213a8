/// A condition that was not met in time.
public struct NeverHappened: Error, CustomStringConvertible {
    public let what: String
    public let limit: Duration
    /// The error of the last attempt.
    public let last: String?

    public var description: String {
        "did not happen within \(limit): \(what)" + (last.map { "; last error: \($0)" } ?? "")
    }
}

/// Polls until `body` returns a value. For the state of real parts, which send no notification; await what can be awaited.
///
/// - Parameters:
///   - limit: longer than the slowest machine needs, as only a failure waits for it.
///   - body: returns nil if the condition is not met yet. An error counts as nil, too.
/// - Throws: ``NeverHappened``; `CancellationError`.
@discardableResult
public func eventually<Value>(
    _ what: String = "condition",
    within limit: Duration = .seconds(120),
    every interval: Duration = .milliseconds(10),
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
        var last: String?
        do {
            if let value = try await body() { return value }
        } catch let error as CancellationError {
            throw error
        } catch {
            last = "\(error)"
        }
        guard clock.now < deadline else { throw NeverHappened(what: what, limit: limit, last: last) }
        try await clock.sleep(for: interval)
    }
}
