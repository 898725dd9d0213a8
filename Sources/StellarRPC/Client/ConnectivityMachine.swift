/// The connectivity of a client: connected or not, and when to connect. Pure.
///
/// The states are those of gRPC's "Connectivity Semantics": idle, connecting, ready, transient failure (`waiting` here).
package struct ConnectivityMachine {
    package enum State: Hashable {
        case idle, connecting, ready, waiting, closed
    }

    package enum Effect: Hashable {
        case connect
        /// Open the queued calls on the connection.
        case startQueued
        /// Fail the newest call, unless it has `waitForReady`.
        case failNewest(RPCError)
        /// Fail the queued calls without `waitForReady`.
        case failQueued(RPCError)
        /// Fail all queued calls.
        case failAll(RPCError)
        /// Call `woke` after that time.
        case wake(after: Duration)
    }

    package private(set) var state = State.idle
    private let backoff: RPCBackoff
    private var generator: any RandomNumberGenerator
    /// Failed attempts since the last useful connection.
    private var failures = 0
    private var lastError = RPCError(.unavailable, "not connected")

    package init(backoff: RPCBackoff, generator: any RandomNumberGenerator) {
        self.backoff = backoff
        self.generator = generator
    }

    package mutating func callQueued() -> [Effect] {
        switch state {
        case .idle:
            state = .connecting
            return [.connect]
        case .connecting: return []
        case .ready: return [.startQueued]
        case .waiting: return [.failNewest(lastError)]
        case .closed: return [.failAll(Self.closedError)]
        }
    }

    /// The peer's SETTINGS came: the connection is ready.
    package mutating func connected() -> [Effect] {
        guard state == .connecting else { return [] }
        state = .ready
        return [.startQueued]
    }

    /// A call got a response: resets the count of failures.
    package mutating func served() {
        failures = 0
    }

    package mutating func connectFailed(_ error: RPCError) -> [Effect] {
        guard state == .connecting else { return [] }
        failures += 1
        return [.failQueued(error), backOff(error)]
    }

    /// The connection ended or takes no more calls. The next attempt is immediate after a useful connection, and once after a
    /// useless one; then it backs off.
    package mutating func lost(hasQueued: Bool, wasUseful: Bool, _ error: RPCError) -> [Effect] {
        guard state == .ready else { return [] }
        failures = wasUseful ? 0 : failures + 1
        guard failures <= 1 else { return [backOff(error)] }
        state = hasQueued ? .connecting : .idle
        return hasQueued ? [.connect] : []
    }

    private mutating func backOff(_ error: RPCError) -> Effect {
        state = .waiting
        lastError = error
        return .wake(after: delay())
    }

    package mutating func woke(hasQueued: Bool) -> [Effect] {
        guard state == .waiting else { return [] }
        state = hasQueued ? .connecting : .idle
        return hasQueued ? [.connect] : []
    }

    package mutating func close() -> [Effect] {
        guard state != .closed else { return [] }
        state = .closed
        return [.failAll(Self.closedError)]
    }

    private static var closedError: RPCError { RPCError(.unavailable, "the client is closed") }

    private mutating func delay() -> Duration {
        var delay = backoff.initial
        for _ in 1..<max(failures, 1) {
            delay = delay * backoff.multiplier
            if delay >= backoff.maximum { break }
        }
        let jitter = backoff.jitter > 0 ? Double.random(in: -backoff.jitter...backoff.jitter, using: &generator) : 0
        return min(delay, backoff.maximum) * (1 + jitter)
    }
}
