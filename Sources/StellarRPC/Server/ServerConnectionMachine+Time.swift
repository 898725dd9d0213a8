package import NIOCore

/// The time limits of a client.
extension ServerConnectionMachine {
    /// The time of `wake` has come.
    package mutating func tick(now: NIODeadline) {
        wakeAt = .distantFuture
        guard !isClosing else { return }
        switch timeouts.check(now: now) {
        case .expel(let reason): return expel(reason)
        case .close(let reason): return effects.append(.close(reason))
        case .drain: drain()
        case nil: break
        }
        failSlowRequests(now: now)
        if let keepalive, now >= keepalive.due { tickKeepalive(now: now) }
        rearm()
    }

    mutating func rearm() {
        let due = min(timeouts.next ?? .distantFuture, requestDue ?? .distantFuture, keepalive?.due ?? .distantFuture)
        guard due < wakeAt else { return }
        wakeAt = due
        effects.append(.wake(at: due))
    }

    /// The time by which each incomplete request needs progress.
    private var requestDue: NIODeadline? {
        guard waitingCalls > 0 else { return nil }
        let oldest = calls.values.lazy.filter(\.isWaiting).map(\.lastProgress).min()
        return oldest.map { $0 + TimeAmount(configuration.limits.requestTimeout) }
    }

    private mutating func failSlowRequests(now: NIODeadline) {
        guard let due = requestDue, now >= due else { return }
        let oldest = now - TimeAmount(configuration.limits.requestTimeout)
        let slow = calls.filter { $0.value.isWaiting && $0.value.lastProgress <= oldest }.keys.sorted()
        let limit = configuration.limits.requestTimeout
        let error = RPCError(.deadlineExceeded, "the request made no progress for \(limit)")
        for id in slow { change(id) { $0.fail(error) } }
    }

    mutating func tickKeepalive(now: NIODeadline) {
        guard var keepalive else { return }
        keepalive.due = .distantFuture
        for effect in keepalive.machine.tick(hasCalls: !calls.isEmpty, now: now) {
            switch effect {
            case .sendPing: effects.append(.ping(0))
            case .giveUp: effects.append(.close("the client did not respond to a ping"))
            case .wake(let time): keepalive.due = time
            }
        }
        self.keepalive = keepalive
    }
}
