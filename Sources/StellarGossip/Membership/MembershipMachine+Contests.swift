/// A name that appears under another address: a machine that came back with a new one, or two machines with one name.
///
/// memberlist refuses the new address until the old node is dead, and by default even then. Here both are asked: if both
/// answer, both live, and everybody is told; if only the newcomer does, it has the name at once. A claim that nobody
/// answers for is a memory of an earlier life, or a lie.
extension MembershipMachine {
    /// A name being claimed by another address.
    struct Contest: Sendable, Hashable {
        var claim: Alive
        /// Of the pings to the holder and to the newcomer.
        var holderSequence: UInt32
        var newcomerSequence: UInt32
        var end: GossipTime
        var holderAnswered = false
        var newcomerAnswered = false
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
        contest(slot, claim, now: now)
    }

    /// Asks both. This node itself, where it is the holder, answers its own ping, as others' pings to it.
    mutating func contest(_ slot: Int, _ claim: Alive, now: GossipTime) {
        guard contested[slot] == nil, contested.count < Self.maximumContests else { return }
        let holderPing = ownPing(to: claim.node)
        let newcomerPing = ownPing(to: claim.node)
        contested[slot] = Contest(
            claim: claim,
            holderSequence: holderPing.sequence,
            newcomerSequence: newcomerPing.sequence,
            end: now + configuration.probeTimeout,
            holderAnswered: slot == ownSlot
        )
        let newcomer = GossipEndpoint(address: claim.address, port: claim.port)
        if slot != ownSlot { send([holderPing.encoded()], to: self[slot].endpoint, hasChecksum: false) }
        send([newcomerPing.encoded()], to: newcomer, hasChecksum: false)
    }

    /// - Returns: whether it was an answer in a contest.
    mutating func answeredContest(_ sequence: UInt32) -> Bool {
        for (slot, contest) in contested {
            let isHolder = contest.holderSequence == sequence
            guard isHolder || contest.newcomerSequence == sequence else { continue }
            if isHolder { contested[slot]?.holderAnswered = true } else { contested[slot]?.newcomerAnswered = true }
            if let contest = contested[slot], contest.holderAnswered, contest.newcomerAnswered {
                contested[slot] = nil
                if let holder = slots[slot] { conflict(holder, contest.claim) }
            }
            return true
        }
        return false
    }

    private mutating func conflict(_ holder: Member, _ claim: Alive) {
        counters.conflicts += 1
        let other = GossipEndpoint(address: claim.address, port: claim.port)
        effects.append(.event(.conflict(holder, other: other)))
    }

    mutating func endContests(now: GossipTime) {
        guard !contested.isEmpty else { return }
        for slot in contested.keys.sorted() {
            guard let contest = contested[slot], now >= contest.end else { continue }
            contested[slot] = nil
            guard contest.newcomerAnswered, !contest.holderAnswered else { continue }
            // It may have been forgotten, and its slot given to another, in the meantime.
            guard let holder = slots[slot], holder.name == contest.claim.node else { continue }
            accept(contest.claim, slot, now: now)
        }
    }

    /// Asks again, where this node slept in the meantime.
    mutating func restartContests(now: GossipTime) {
        let claims = contested.sorted { $0.key < $1.key }.map { ($0.key, $0.value.claim) }
        contested = [:]
        for (slot, claim) in claims where slots[slot]?.name == claim.node { contest(slot, claim, now: now) }
    }
}
