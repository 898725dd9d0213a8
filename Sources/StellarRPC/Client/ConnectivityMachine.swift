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
        /// Fail the waiting calls, but those that said `waitForReady`.
        case failQueued(RPCError)
        /// Fail them all.
        case failAll(RPCError)
        /// Call `woke` after that time.
        case wake(after: Duration)
    }

    package private(set) var state = State.idle
    private let backoff: RPCBackoff
    private var failures = 0
    private var lastError = RPCError(.unavailable, "not connected")

    package init(backoff: RPCBackoff) {
        self.backoff = backoff
    }

    package mutating func callQueued() -> [Effect] {
        switch state {
        case .idle:
            state = .connecting
            return [.connect]
        case .connecting: return []
        case .ready: return [.startQueued]
        case .waiting: return [.failQueued(lastError)]
        case .closed: return [.failAll(Self.closedError)]
        }
    }

    /// The peer's SETTINGS came: it speaks HTTP/2.
    package mutating func connected() -> [Effect] {
        guard state == .connecting else { return [] }
        state = .ready
        failures = 0
        return [.startQueued]
    }

    package mutating func connectFailed(
        _ error: RPCError,
        using generator: inout some RandomNumberGenerator
    ) -> [Effect] {
        guard state == .connecting else { return [] }
        state = .waiting
        lastError = error
        failures += 1
        return [.failQueued(error), .wake(after: delay(using: &generator))]
    }

    /// The connection ended or takes no more calls.
    package mutating func lost(hasQueued: Bool) -> [Effect] {
        guard state == .ready else { return [] }
        state = hasQueued ? .connecting : .idle
        return hasQueued ? [.connect] : []
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

    private func delay(using generator: inout some RandomNumberGenerator) -> Duration {
        var delay = backoff.initial
        for _ in 1..<max(failures, 1) {
            delay = delay * backoff.multiplier
            if delay >= backoff.maximum { break }
        }
        let jitter = backoff.jitter > 0 ? Double.random(in: -backoff.jitter...backoff.jitter, using: &generator) : 0
        return min(delay, backoff.maximum) * (1 + jitter)
    }
}
