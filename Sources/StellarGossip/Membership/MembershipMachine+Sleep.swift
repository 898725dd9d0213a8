/// Resuming after a sleep: the process was stopped, or its computer suspended.
///
/// A node that slept received nothing, so the silence of the other nodes in that time means nothing. It restarts all
/// timers, and compares its state with another node at once, because it lost the messages of that time, refutations
/// included. memberlist does not notice a sleep: it suspects the node it probed last, and declares suspected nodes
/// dead.
extension MembershipMachine {
    /// How late an event may come. A busy computer is late, too, but then the messages of that time are still in the
    /// socket's buffer and are read before any node is suspected.
    private var patience: Duration { configuration.probeInterval }

    /// Restarts all timers if this node slept. Runs before each event is handled.
    mutating func noticeSleep(now: GossipTime, using random: inout some RandomNumberGenerator) {
        let lateness = now - firmDeadline
        guard lateness > patience else { return }
        counters.sleeps += 1
        effects.append(.event(.slept(lateness)))
        restartSuspicions(now: now)
        restartContests(now: now)
        // The nodes that requested the indirect pings have long stopped waiting.
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
