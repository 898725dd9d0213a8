package import NIOCore

/// When to ping a silent peer, and when to give it up. Pure.
package struct KeepaliveMachine {
    package enum Effect: Hashable {
        case sendPing
        /// The peer is gone.
        case giveUp
        /// Call `tick` then.
        case wake(at: NIODeadline)
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    private let withoutCalls: Bool
    private var lastHeard: NIODeadline
    private var pingSent: NIODeadline?

    package init(_ keepalive: RPCKeepalive, now: NIODeadline) {
        interval = TimeAmount(keepalive.interval)
        timeout = TimeAmount(keepalive.timeout)
        withoutCalls = keepalive.withoutCalls
        lastHeard = now
    }

    /// Bytes came: the peer lives.
    package mutating func heard(now: NIODeadline) {
        lastHeard = now
        pingSent = nil
    }

    package mutating func tick(hasCalls: Bool, now: NIODeadline) -> [Effect] {
        if let pingSent {
            let limit = pingSent + timeout
            // An answer starts the next interval, which may be over before the timeout.
            return now >= limit ? [.giveUp] : [.wake(at: min(limit, now + interval))]
        }
        let due = lastHeard + interval
        guard now >= due else { return [.wake(at: due)] }
        guard hasCalls || withoutCalls else { return [.wake(at: now + interval)] }
        pingSent = now
        return [.sendPing, .wake(at: now + min(timeout, interval))]
    }
}
