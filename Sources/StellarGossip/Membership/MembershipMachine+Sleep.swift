/// Waking up: the process was stopped, or its computer suspended.
///
/// A node that slept heard nobody, and nobody's silence in that time means anything. So whatever was waited for is waited
/// for anew, and all is compared with another node at once: what was said in the meantime is lost, refutations with it.
/// memberlist does not notice, and suspects whom it asked last, and buries whom it suspected.
extension MembershipMachine {
    /// How late it may be called. A busy computer is late, too; but what came in the meantime is in the socket's buffer then,
    /// and is read before anybody is blamed.
    private var patience: Duration { configuration.probeInterval }

    /// Called before anything is done.
    mutating func noticeSleep(now: GossipTime, using random: inout some RandomNumberGenerator) {
        let lateness = now - firmDeadline
        guard lateness > patience else { return }
        counters.sleeps += 1
        effects.append(.event(.slept(lateness)))
        restartSuspicions(now: now)
        restartContests(now: now)
        // Whoever asked has long stopped waiting.
        relays = [:]
        relayOrder = []
        nextProbe = now
        nextGossip = now
        nextPushPull = now
        if let current = probe {
            probe = nil
            if slots[current.slot]?.name == current.name { startProbe(of: current.slot, now: now) }
        }
    }

    private mutating func restartSuspicions(now: GossipTime) {
        nextSuspicion = nil
        for slot in order {
            guard var suspicion = self[slot].suspicion else { continue }
            suspicion.restart(now: now)
            self[slot].suspicion = suspicion
            expectSuspicion(suspicion.deadline)
        }
    }
}
