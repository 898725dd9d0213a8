/// A name that appears under another address: a machine that came back with a new one, or two machines with one name.
///
/// memberlist refuses the new address until the old node is dead, and by default even then. Here the holder is asked: if
/// it answers, both live, and everybody is told; if it does not, the newcomer has the name at once.
extension MembershipMachine {
    /// A name being claimed by another address.
    struct Contest: Sendable, Hashable {
        var claim: Alive
        /// Of the ping to the holder.
        var sequence: UInt32
        var end: GossipTime
    }

    mutating func moved(_ slot: Int, _ claim: Alive, now: GossipTime) {
        let holder = self[slot]
        if !holder.isPresent {
            let isFree =
                holder.state == .left
                || configuration.reclaimAfter.map { now - holder.since >= $0 } ?? false
            // A claim of the dead one's own past is none of a newcomer's: that would begin anew, or know of its death.
            if isFree {
                accept(claim, slot, now: now)
            } else {
                conflict(holder, claim)
            }
            return
        }
        guard configuration.reclaimAfter != nil else { return conflict(holder, claim) }
        guard contested[slot] == nil else { return }
        let ping = ownPing(to: holder.name)
        contested[slot] = Contest(claim: claim, sequence: ping.sequence, end: now + configuration.probeTimeout)
        send([ping.encoded()], to: holder.endpoint, hasChecksum: false)
    }

    /// The holder answered.
    mutating func keepHolder(_ slot: Int) {
        guard let contest = contested.removeValue(forKey: slot), let holder = slots[slot] else { return }
        conflict(holder, contest.claim)
    }

    private mutating func conflict(_ holder: Member, _ claim: Alive) {
        counters.conflicts += 1
        let other = GossipEndpoint(address: claim.address, port: claim.port)
        effects.append(.event(.conflict(holder, other: other)))
    }

    mutating func endContests(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard !contested.isEmpty else { return }
        for slot in contested.keys.sorted() {
            guard let contest = contested[slot], now >= contest.end else { continue }
            contested[slot] = nil
            // It may have been forgotten, and its slot given to another, in the meantime.
            guard let holder = slots[slot], holder.name == contest.claim.node else { continue }
            accept(contest.claim, slot, now: now)
        }
    }
}
