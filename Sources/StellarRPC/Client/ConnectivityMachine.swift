/// Whether a client has a connection, and what it does to have one. Pure.
///
/// The states are those of gRPC's "Connectivity Semantics": idle, connecting, ready, transient failure (`waiting` here).
package struct ConnectivityMachine {
    package enum State: Hashable {
        case idle, connecting, ready, waiting, closed
    }

    package enum Effect: Hashable {
        case connect
        /// Give the waiting calls to the connection.
        case startQueued
        /// Fail the call that has just come, unless it said `waitForReady`.
        case failNewest(RPCError)
        /// Fail the waiting calls, but those that said `waitForReady`.
        case failQueued(RPCError)
        /// Fail them all.
        case failAll(RPCError)
        /// Call `woke` after that time.
        case wake(after: Duration)
    }

    package private(set) var state = State.idle
    private let backoff: RPCBackoff
    private var generator: any RandomNumberGenerator
    /// Attempts since a connection was of use.
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

    /// The peer's SETTINGS came: it speaks HTTP/2.
    package mutating func connected() -> [Effect] {
        guard state == .connecting else { return [] }
        state = .ready
        return [.startQueued]
    }

    /// A call was answered: what failed before is forgotten.
    package mutating func served() {
        failures = 0
    }

    package mutating func connectFailed(_ error: RPCError) -> [Effect] {
        guard state == .connecting else { return [] }
        failures += 1
        return [.failQueued(error), backOff(error)]
    }

    /// The connection ended or takes no more calls. Without back-off the next one is made at once, but a server that ends
    /// connections before they are of use gets that only once.
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
