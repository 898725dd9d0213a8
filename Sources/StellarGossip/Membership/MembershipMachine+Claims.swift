/// Alive, suspect and dead messages, and when they apply (SWIM section 4.2; memberlist, `state.go`).
///
///     alive(i) < suspect(i) < dead(i) < alive(i + 1)
///
/// Only the node itself raises its incarnation `i`, to refute a suspicion or its death (``Incarnation``).
extension MembershipMachine {
    // MARK: Alive

    mutating func receive(_ claim: Alive, now: GossipTime, using random: inout some RandomNumberGenerator) {
        var claim = claim
        // Version 1 of the protocol has no ports: its nodes all use the same one.
        if claim.port == 0 { claim.port = own.port }
        guard !claim.node.isEmpty, claim.address.isOfOneHost, claim.versions?.isSound ?? true else {
            counters.unsoundClaims += 1
            return
        }
        if claim.node == name { return receiveAboutSelf(claim, now: now) }
        guard let slot = slotOfName[claim.node] else { return admit(claim, now: now, using: &random) }
        // Field by field, not as a whole Member: nearly every message is known already and ends here.
        guard let address = slots[slot]?.address, let port = slots[slot]?.port, let known = slots[slot]?.incarnation,
            address.isSameHost(as: claim.address), port == claim.port
        else { return moved(slot, claim, now: now) }
        guard Incarnation.isLater(claim.incarnation, than: known) else {
            if claim.incarnation != known { counters.staleClaims += 1 }
            return
        }
        accept(claim, slot, now: now)
    }

    private mutating func admit(_ claim: Alive, now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard order.count < Self.maximumMembers else {
            counters.refusedMembers += 1
            return
        }
        if isAlone {
            beginProbing(now: now)
            schedulePushPullsSoon(now: now, using: &random)
        }
        let member = Member(
            name: claim.node,
            address: claim.address,
            port: claim.port,
            metadata: claim.metadata,
            versions: claim.versions ?? .ours,
            incarnation: claim.incarnation,
            state: .dead,
            since: now
        )
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            slots[free] = member
        } else {
            slot = slots.count
            slots.append(member)
        }
        slotOfName[claim.node] = slot
        // At a random place of the round. At its end, all nodes would probe a new one at the same time, or late.
        order.append(slot)
        order.swapAt(order.count - 1, Int.random(in: order.indices, using: &random))
        accept(claim, slot, now: now)
    }

    /// Applies an alive message: the node is alive, and the message is spread.
    mutating func accept(_ claim: Alive, _ slot: Int, now: GossipTime) {
        var member = self[slot]
        let wasPresent = member.isPresent
        let hasChanged =
            member.metadata != claim.metadata || !member.address.isSameHost(as: claim.address)
            || member.port != claim.port
        member.address = claim.address
        member.port = claim.port
        member.metadata = claim.metadata
        if let versions = claim.versions { member.versions = versions }
        member.incarnation = claim.incarnation
        member.suspicion = nil
        if member.state != .alive {
            member.state = .alive
            member.since = now
            member.lastSeen = now
        }
        self[slot] = member
        queue.insert(claim.encoded(), about: claim.node)
        if !wasPresent {
            presentCount += 1
            effects.append(.event(.joined(member)))
        } else if hasChanged {
            effects.append(.event(.updated(member)))
        }
    }

    private mutating func receiveAboutSelf(_ claim: Alive, now: GossipTime) {
        guard !isLeaving else { return }
        let me = own
        if !me.address.isSameHost(as: claim.address) || me.port != claim.port {
            // Another node has our name, or it is this node's own address before a restart, where nobody answers.
            contest(ownSlot, claim, now: now)
            return
        }
        guard !Incarnation.isLater(me.incarnation, than: claim.incarnation) else { return }
        let isOurs =
            claim.incarnation == me.incarnation && claim.metadata == me.metadata
            && claim.versions ?? .ours == me.versions
        if !isOurs { refute(claim.incarnation) }
    }

    /// The slot of the node that a suspect or dead message is about; nil, and counted, if the node is unknown or the
    /// incarnation is stale.
    private mutating func subject(_ node: String, _ incarnation: UInt32) -> Int? {
        guard let slot = slotOfName[node] else {
            counters.unknownNodes += 1
            return nil
        }
        guard !Incarnation.isLater(self[slot].incarnation, than: incarnation) else {
            counters.staleClaims += 1
            return nil
        }
        return slot
    }

    // MARK: Suspect

    mutating func receive(_ claim: Suspect, now: GossipTime) {
        guard let slot = subject(claim.node, claim.incarnation) else { return }
        var member = self[slot]
        if var suspicion = member.suspicion {
            guard suspicion.confirm(by: claim.from) else { return }
            member.suspicion = suspicion
            self[slot] = member
            expectSuspicion(suspicion.deadline)
            queue.insert(claim.encoded(), about: claim.node)
            return
        }
        guard member.state == .alive else { return }
        if claim.node == name { return refute(claim.incarnation) }
        let suspicion = Suspicion(
            incarnation: claim.incarnation,
            from: claim.from,
            start: now,
            nodes: presentCount,
            configuration: configuration
        )
        member.incarnation = claim.incarnation
        member.state = .suspect
        member.since = now
        member.lastSeen = now
        member.suspicion = suspicion
        self[slot] = member
        expectSuspicion(suspicion.deadline)
        queue.insert(claim.encoded(), about: claim.node)
    }

    mutating func expectSuspicion(_ deadline: GossipTime) {
        nextSuspicion = nextSuspicion.map { min($0, deadline) } ?? deadline
    }

    mutating func endSuspicions(now: GossipTime) {
        guard let next = nextSuspicion, now >= next else { return }
        nextSuspicion = nil
        for slot in order {
            guard let member = slots[slot], let suspicion = member.suspicion else { continue }
            let deadline = suspicion.deadline
            if now >= deadline {
                receive(Dead(node: member.name, incarnation: member.incarnation, from: name), now: now)
            } else {
                expectSuspicion(deadline)
            }
        }
    }

    // MARK: Dead

    mutating func receive(_ claim: Dead, now: GossipTime) {
        guard let slot = subject(claim.node, claim.incarnation) else { return }
        var member = self[slot]
        guard member.isPresent else { return }
        if claim.node == name {
            guard isLeaving else { return refute(claim.incarnation) }
        }
        if member.state == .alive { member.lastSeen = now }
        member.suspicion = nil
        member.incarnation = claim.incarnation
        member.state = claim.from == claim.node ? .left : .dead
        member.since = now
        self[slot] = member
        presentCount -= 1
        queue.insert(claim.encoded(), about: claim.node)
        effects.append(.event(member.state == .left ? .left(member) : .failed(member)))
    }

    /// Forgets a dead or left node before ``GossipConfiguration/gossipToTheDead`` is over.
    ///
    /// - Returns: false if the node is alive or suspected, and nothing changed; true for an unknown node.
    public mutating func forget(_ name: String) -> Bool {
        guard let slot = slotOfName[name] else { return true }
        guard !self[slot].isPresent, slot != ownSlot else { return false }
        if let index = order.firstIndex(of: slot) {
            order.remove(at: index)
            if index < probeIndex { probeIndex -= 1 }
        }
        remove(slot)
        assert(checkInvariants())
        return true
    }

    private mutating func remove(_ slot: Int) {
        slotOfName[self[slot].name] = nil
        slots[slot] = nil
        contested[slot] = nil
        freeSlots.append(slot)
    }

    /// Forgets dead and left nodes whose news has had time to spread.
    mutating func forgetTheDead(now: GossipTime) {
        let forgotten = order.filter { slot in
            guard let member = slots[slot], slot != ownSlot else { return false }
            return !member.isPresent && now - member.since > configuration.gossipToTheDead
        }
        guard !forgotten.isEmpty else { return }
        for slot in forgotten { remove(slot) }
        order.removeAll { slots[$0] == nil }
    }

    // MARK: This node

    /// Refutes a message about this node, with a higher incarnation.
    mutating func refute(_ accused: UInt32) {
        counters.refutations += 1
        awareness.apply(1)
        var me = own
        me.incarnation = Incarnation.after(
            Incarnation.isLater(accused, than: me.incarnation) ? accused : me.incarnation
        )
        self[ownSlot] = me
        announce(me)
    }

    /// Queues this node's own alive message.
    mutating func announce(_ member: Member) {
        queue.insert(member.claim.encoded(), about: member.name)
    }

    /// Sets and announces new metadata of this node.
    ///
    /// - Returns: false if it is longer than ``WireLimits/metadata``; then nothing changed.
    public mutating func update(metadata: [UInt8]) -> Bool {
        guard metadata.count <= WireLimits.metadata else { return false }
        var me = own
        me.metadata = metadata
        me.incarnation = Incarnation.after(me.incarnation)
        self[ownSlot] = me
        announce(me)
        assert(checkInvariants())
        return true
    }

    /// Leaves the cluster. ``GossipEvent/leaveSent`` follows once the leave message was sent often enough; the machine
    /// must run until then, and continues to answer pings afterwards.
    public mutating func leave(now: GossipTime) {
        guard !isLeaving else { return }
        isLeaving = true
        receive(Dead(node: name, incarnation: own.incarnation, from: name), now: now)
        if presentCount == 0 { effects.append(.event(.leaveSent)) }
        assert(checkInvariants())
    }
}

extension Member {
    /// The alive message of this member.
    var claim: Alive {
        Alive(
            node: name,
            incarnation: incarnation,
            address: address,
            port: port,
            metadata: metadata,
            versions: versions
        )
    }
}
