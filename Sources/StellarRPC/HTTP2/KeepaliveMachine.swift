package import NIOCore

/// When to ping a silent peer, and when to close the connection. Pure.
package struct KeepaliveMachine {
    package enum Effect: Hashable {
        case sendPing
        /// The peer did not respond: close the connection.
        case giveUp
        /// Call `tick` at this time.
        case wake(at: NIODeadline)
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private let withoutCalls: Bool
    private var lastReceived: NIODeadline
    private var pingSent: NIODeadline?

    package init(_ keepalive: RPCKeepalive, now: NIODeadline) {
        interval = TimeAmount(keepalive.interval)
        timeout = TimeAmount(keepalive.timeout)
        withoutCalls = keepalive.withoutCalls
        lastReceived = now
    }

    /// Bytes came: the peer is alive.
    package mutating func bytesReceived(now: NIODeadline) {
        lastReceived = now
        pingSent = nil
    }

    package mutating func tick(hasCalls: Bool, now: NIODeadline) -> [Effect] {
        if let pingSent {
            let limit = pingSent + timeout
            // A response starts the next interval, which may end before the timeout.
            return now >= limit ? [.giveUp] : [.wake(at: min(limit, now + interval))]
        }
        let due = lastReceived + interval
        guard now >= due else { return [.wake(at: due)] }
        guard hasCalls || withoutCalls else { return [.wake(at: now + interval)] }
        pingSent = now
        return [.sendPing, .wake(at: now + min(timeout, interval))]
    }
}
