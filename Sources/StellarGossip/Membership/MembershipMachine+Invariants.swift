/// What must hold after every event. Debug builds assert it.
///
/// The simulation handles millions of events, so ``checkInvariants()`` looks at a few counts only. ``checkTables()``
/// looks at every member and every queued message, after events that do so themselves: a push/pull, and the start of a
/// round of probes.
extension MembershipMachine {
    /// Asserts the cheap invariants, after each event.
    ///
    /// - Returns: true, so that a release build can leave it out: `assert(checkInvariants())`.
    func checkInvariants() -> Bool {
        // Every member has one place in the round. One without a place would never be probed, and never be found dead.
        assert(order.count == slotOfName.count, "the round of probes has not each member once")
        assert(slots.count == order.count + freeSlots.count, "a slot is lost")
        assert(probeIndex <= order.count, "the round of probes ended without a new one")
        // The time-outs and the number of transmissions grow with this count.
        assert((0...order.count).contains(presentCount), "the count of present members is wrong")
        // A node in doubt about itself would spread its own death.
        assert(ownState == (isLeaving ? .left : .alive), "this node is \(ownState) in its own view")
        if let probe {
            // Otherwise the machine would wait for a time that has no handler.
            assert(probe.indirect <= probe.end, "the indirect pings come after the end of the probe")
            // More nacks than helpers would lower the awareness score of a node that is slow.
            assert(probe.nacks <= probe.expectedNacks, "a nack without a helper was counted")
        }
        // The deadline looks at the first relay only: behind one that has ended, the others would have no timer.
        assert(relayOrder.count == relays.count, "\(relays.count) relays wait, \(relayOrder.count) have a timer")
        assert(relayOrder.first.map { relays[$0] != nil } ?? true, "the next timer is for a relay that has ended")
        // Requests of strangers must not fill the memory.
        assert(relays.count <= Self.maximumRelays, "\(relays.count) relays")
        assert(contested.count <= Self.maximumContests, "\(contested.count) contests")
        for (slot, contest) in contested {
            // Otherwise the newcomer would get the name of another node.
            assert(slots[slot]?.name == contest.claim.node, "a contest is about a forgotten member")
        }
        return queue.checkInvariants() && userQueue.checkInvariants()
    }

    /// Asserts what holds for each member and each queued message.
    func checkTables() -> Bool {
        var present = 0
        var seen = [Bool](repeating: false, count: slots.count)
        for slot in order {
            guard let member = slots[slot] else {
                assertionFailure("the free slot \(slot) is in the round of probes")
                continue
            }
            // A slot that comes twice hides that another one is missing.
            assert(!seen[slot], "\(member.name) is in the round of probes twice")
            seen[slot] = true
            assert(slotOfName[member.name] == slot, "\(member.name) is found under another slot")
            if member.isPresent { present += 1 }
            // A suspicion of a node in another state would end in a wrong death; a suspect without one would stay one.
            let isSuspect = member.state == .suspect
            assert((member.suspicion != nil) == isSuspect, "\(member.name) has no suspicion, or a stale one")
            if let suspicion = member.suspicion {
                // Otherwise its end would pass without a timer.
                assert(nextSuspicion.map { $0 <= suspicion.deadline } ?? false, "no timer runs for \(member.name)")
            }
        }
        assert(present == presentCount, "\(present) members are present, not \(presentCount)")
        return queue.checkTiers() && userQueue.checkTiers()
    }
}
