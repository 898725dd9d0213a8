/// A condition that did not come true in time.
public struct NeverHappened: Error, CustomStringConvertible {
    public let what: String
    public let limit: Duration
    /// What the last try threw.
    public let last: String?

    public var description: String { "within \(limit): \(what)" + (last.map { "; last: \($0)" } ?? "") }
}

/// Asks again and again until there is an answer: for the state of real parts, which nobody announces. What can be
/// awaited should be awaited.
///
/// - Parameters:
///   - limit: how long to ask; longer than the slowest machine needs, as only failures wait for it.
///   - body: nil is not yet; so is an error, unless the time is up.
/// - Throws: ``NeverHappened``; `CancellationError`.
@discardableResult
public func eventually<Answer>(
    _ what: String = "condition",
    within limit: Duration = .seconds(120),
    every interval: Duration = .milliseconds(10),
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Answer?
) async throws -> Answer {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
        var last: String?
        do {
            if let answer = try await body() { return answer }
        } catch let error as CancellationError {
            throw error
        } catch {
            last = "\(error)"
        }
        guard clock.now < deadline else { throw NeverHappened(what: what, limit: limit, last: last) }
        try await clock.sleep(for: interval)
    }
}
