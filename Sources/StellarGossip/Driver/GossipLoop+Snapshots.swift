internal import NIOCore

/// Snapshots of the node's state, and the requests of its user.
extension GossipLoop {
    func members() -> [MemberStatus] {
        guard let machine else { return [] }
        let now = GossipClock.now
        var statuses = machine.members.map { status($0, now: now) }
        // Nodes that the machine has forgotten and Rejoin still knows.
        for (name, node) in rejoin.known where machine.member(named: name) == nil {
            statuses.append(
                MemberStatus(
                    name: name,
                    endpoint: node.endpoint,
                    metadata: node.metadata,
                    state: node.state == .left ? .left : .dead,
                    incarnation: node.incarnation,
                    isSelf: false,
                    stateAge: now - node.since,
                    lastSeen: now - node.lastSeen
                )
            )
        }
        return statuses.sorted { $0.name < $1.name }
    }

    func status(_ member: Member, now: GossipTime) -> MemberStatus {
        MemberStatus(
            name: member.name,
            endpoint: member.endpoint,
            metadata: member.metadata,
            state: member.state,
            incarnation: member.incarnation,
            isSelf: member.name == configuration.name,
            stateAge: now - member.since,
            lastSeen: member.state == .alive ? .zero : now - member.lastSeen,
            conflict: conflicts[member.name].flatMap { now - $0.noticed > Self.conflictMemory ? nil : $0.other }
        )
    }

    func peers() -> [PeerStatus] {
        let now = GossipClock.now
        return rejoin.order.compactMap { rejoin.targets[$0] }.map { target in
            var status = PeerStatus(
                address: target.address.description,
                name: nil,
                isDeclared: true,
                isReached: target.isReached,
                endpoints: target.endpoints,
                attempts: target.attempts,
                lastAttempt: target.lastAttempt.map { now - $0 },
                lastSuccess: target.lastSuccess.map { now - $0 },
                lastError: target.lastError,
                nextAttempt: target.isRunning || target.isReached ? nil : target.next.map { max($0 - now, .zero) }
            )
            if case .known(let name) = target.key {
                status.name = name
                status.isDeclared = false
            }
            return status
        }
    }

    func roundTrips() -> [RoundTripStatus] {
        machine?.members.compactMap { member in
            member.roundTrip.map { RoundTripStatus(name: member.name, roundTrip: $0) }
        } ?? []
    }

    func allCounters() -> GossipNodeCounters {
        var all = counters
        if let machine {
            all.machine = machine.counters
            all.newsDropped = machine.droppedNews
        }
        return all
    }

    func health() -> GossipHealth {
        let states = members().map(\.state)
        func count(_ state: NodeState) -> Int { states.count { $0 == state } }
        return GossipHealth(
            awareness: machine?.awarenessScore ?? 0,
            awarenessMaximum: configuration.gossip.awarenessMaximum - 1,
            alive: count(.alive),
            suspected: count(.suspect),
            dead: count(.dead),
            left: count(.left),
            problem: problem
        )
    }

    func send(_ message: [UInt8], to name: String, reliably: Bool) -> EventLoopFuture<Void> {
        guard let member = machine?.member(named: name), member.isPresent else {
            return eventLoop.makeFailedFuture(
                GossipNodeError(.unknownNode, "cannot send to node \(name): no alive node has this name")
            )
        }
        if reliably {
            guard message.count <= WireLimits.streamUserMessage else {
                return tooLong(message, WireLimits.streamUserMessage)
            }
            let limit = configuration.gossip.streamTimeout
            return exchange(.user(message), with: member.endpoint, hasResponse: false, limit: limit)
                .map { _ in }
                .flatMapErrorThrowing { error in
                    throw GossipNodeError(
                        .unreachable,
                        "cannot send to node \(name) at \(member.endpoint): \(StreamFailure.text(error))"
                    )
                }
        }
        // With its type byte.
        let most = configuration.gossip.datagramBytes - codec.overhead - PacketCodec.checksumOverhead - 1
        guard message.count <= most else { return tooLong(message, most) }
        let bytes = GossipMessage.user(message).encoded()
        guard send([bytes], to: member.endpoint, hasChecksum: member.understandsChecksum) else {
            return eventLoop.makeFailedFuture(
                GossipNodeError(
                    .unreachable,
                    "cannot send to node \(name) at \(member.endpoint): the kernel did not take the datagram"
                )
            )
        }
        return eventLoop.makeSucceededVoidFuture()
    }

    private func tooLong(_ message: [UInt8], _ limit: Int) -> EventLoopFuture<Void> {
        eventLoop.makeFailedFuture(
            GossipNodeError(.invalid, "cannot send a message of \(message.count) bytes; the limit is \(limit)")
        )
    }

    /// - Returns: why the node cannot be forgotten; nil if it was.
    func forget(_ name: String) -> GossipNodeError.Code? {
        defer { drainEffects() }
        guard machine?.member(named: name) != nil || rejoin.known[name] != nil else { return .unknownNode }
        guard machine?.forget(name) ?? true else { return .isAlive }
        rejoin.forget(name)
        return nil
    }
}

extension GossipHealth {
    /// The health of a node whose event loop has ended.
    static let ended = GossipHealth(
        awareness: 0,
        awarenessMaximum: 0,
        alive: 0,
        suspected: 0,
        dead: 0,
        left: 0,
        problem: "the node is not running"
    )
}
