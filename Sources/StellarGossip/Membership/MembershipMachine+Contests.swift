/// Two addresses that claim one name: a machine came back with a new address, or two machines have the same name.
///
/// memberlist refuses the new address until the old node is dead, and by default even then. This machine pings both. If
/// both answer, both are alive, and it reports a conflict. If only the newcomer answers, the newcomer gets the name at
/// once. If the newcomer does not answer, its claim is from before a restart, or forged.
extension MembershipMachine {
    /// A name that another address claims.
    struct Contest: Sendable, Hashable {
        var claim: Alive
        /// Sequence numbers of the pings to the holder and to the newcomer.
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
            // The incarnations are not compared: the newcomer is another life, which counts from 1.
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

    /// Pings both addresses. If this node is the holder itself, it counts as having answered.
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

    /// - Returns: whether the acknowledgement was for a ping of a contest.
    mutating func receiveContestAck(_ sequence: UInt32) -> Bool {
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
            // Never another node: forgetting a member ends its contest.
            guard let holder = slots[slot], holder.name == contest.claim.node else { continue }
            accept(contest.claim, slot, now: now)
        }
    }

    /// Pings again, because this node slept.
    mutating func restartContests(now: GossipTime) {
        let claims = contested.sorted { $0.key < $1.key }.map { ($0.key, $0.value.claim) }
        contested = [:]
        for (slot, claim) in claims where slots[slot]?.name == claim.node { contest(slot, claim, now: now) }
    }
}
