/// Failure detection: probing one node after the other (SWIM section 3.1).
extension MembershipMachine {
    /// The probe of one node.
    struct Probe: Sendable, Hashable {
        var slot: Int
        var name: String
        var sequence: UInt32
        var sent: GossipTime
        /// When the helpers get indirect pings.
        var indirect: GossipTime
        /// When the probe has failed.
        var end: GossipTime
        var isIndirect = false
        var expectedNacks = 0
        var nacks = 0
        /// The node acknowledged the ping on a stream.
        var hasStreamAck = false
    }

    /// A ping that this node sent for another one.
    struct Relay: Sendable, Hashable {
        var sequence: UInt32
        var requester: GossipEndpoint
        var wantsNack: Bool
        var end: GossipTime
    }

    mutating func startProbe(now: GossipTime, using random: inout some RandomNumberGenerator) {
        nextProbe = now + configuration.probeInterval
        guard let slot = nextToProbe(now: now, using: &random) else { return }
        startProbe(of: slot, now: now)
    }

    /// Pings one node.
    mutating func startProbe(of slot: Int, now: GossipTime) {
        nextProbe = now + configuration.probeInterval
        let member = self[slot]
        let interval = awareness.scale(configuration.probeInterval)
        let ping = ownPing(to: member.name)
        probe = Probe(
            slot: slot,
            name: member.name,
            sequence: ping.sequence,
            sent: now,
            indirect: now + min(configuration.probeTimeout, interval),
            end: now + interval
        )
        counters.probes += 1
        var messages = [ping.encoded()]
        if member.state == .suspect {
            // The suspected node gets the suspicion with the ping, so that it can refute (Lifeguard section IV.C,
            // "buddy system").
            messages.append(Suspect(node: member.name, incarnation: member.incarnation, from: name).encoded())
        }
        send(messages, to: member)
    }

    /// Starts probing, now that another node is known. The first probe comes at the next multiple of the interval from
    /// this node's random start, so that nodes that meet at one moment do not all probe at one moment.
    mutating func beginProbing(now: GossipTime) {
        let late = (now - nextProbe).nanoseconds
        guard late > 0 else { return }
        let interval = max(configuration.probeInterval.nanoseconds, 1)
        nextProbe = nextProbe + .nanoseconds(interval * (late / interval + 1))
    }

    private func isProbed(_ member: Member) -> Bool { member.isPresent && member.name != name }

    private mutating func nextToProbe(
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) -> Int? {
        // At most one round. Dead and left nodes are skipped, and forgotten when a round starts.
        for _ in 0...order.count {
            if probeIndex >= order.count {
                forgetTheDead(now: now)
                order.shuffle(using: &random)
                probeIndex = 0
                assert(checkTables())
            }
            let slot = order[probeIndex]
            probeIndex += 1
            if isProbed(self[slot]) { return slot }
        }
        return nil
    }

    /// A ping whose acknowledgement comes to this node.
    ///
    /// - Parameter sequence: the number of another ping of the same probe; otherwise a new one.
    mutating func ownPing(to node: String, sequence: UInt32? = nil) -> Ping {
        var ping = Ping(sequence: sequence ?? nextSequence(), node: node)
        ping.sourceAddress = own.address
        ping.sourcePort = own.port
        ping.sourceNode = name
        return ping
    }

    mutating func continueProbe(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard let current = probe else { return }
        if !current.isIndirect, now >= current.indirect { startIndirectProbe(now: now, using: &random) }
        if now >= current.end { concludeProbe(now: now) }
    }

    private mutating func startIndirectProbe(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard var current = probe, let target = slots[current.slot], target.name == current.name else { return }
        current.isIndirect = true
        let helpers = pick(configuration.indirectChecks, using: &random) { member in
            member.state == .alive && member.name != name && member.name != target.name
        }
        for helper in helpers.map({ self[$0] }) {
            let sendsNack = helper.versions.maximum >= ProtocolVersions.negativeAcknowledgement
            if sendsNack { current.expectedNacks += 1 }
            var request = IndirectPing(
                sequence: current.sequence,
                target: target.address,
                port: target.port,
                node: target.name,
                wantsNack: sendsNack
            )
            request.sourceAddress = own.address
            request.sourcePort = own.port
            request.sourceNode = name
            send([request.encoded()], to: helper)
        }
        if configuration.streamPings, target.versions.maximum >= ProtocolVersions.streamPing {
            let ping = ownPing(to: target.name, sequence: current.sequence)
            effects.append(.pingOnStream(ping, to: target.endpoint, deadline: current.end))
        }
        probe = current
    }

    private mutating func concludeProbe(now: GossipTime) {
        guard let current = probe else { return }
        probe = nil
        guard let target = slots[current.slot], target.name == current.name else { return }
        if current.hasStreamAck {
            awareness.apply(-1)
            effects.append(.event(.datagramsLost(target)))
            return
        }
        counters.failedProbes += 1
        // Missing nacks of the helpers say more about this node's network than about the target's.
        awareness.apply(current.expectedNacks > 0 ? current.expectedNacks - current.nacks : 1)
        receive(Suspect(node: target.name, incarnation: target.incarnation, from: name), now: now)
    }

    /// Receives the acknowledgement of a ping on a stream.
    public mutating func streamAnswered(sequence: UInt32) {
        guard probe?.sequence == sequence else { return }
        probe?.hasStreamAck = true
        assert(checkInvariants())
    }

    // MARK: Pings of other nodes, acknowledgements

    mutating func acknowledge(_ ping: Ping, from source: GossipEndpoint) {
        guard ping.node.isEmpty || ping.node == name else {
            counters.misdirectedPings += 1
            return
        }
        let back = Self.replyTo(ping.sourceAddress, ping.sourcePort, source)
        send([Acknowledgement(sequence: ping.sequence).encoded()], to: back, hasChecksum: false)
    }

    private static func replyTo(_ address: WireAddress, _ port: UInt16, _ source: GossipEndpoint) -> GossipEndpoint {
        address.isEmpty || port == 0 ? source : GossipEndpoint(address: address, port: port)
    }

    mutating func relay(_ request: IndirectPing, from source: GossipEndpoint, now: GossipTime) {
        guard !request.target.isEmpty, request.port > 0, relays.count < Self.maximumRelays else {
            counters.refusedRelays += 1
            return
        }
        let ping = ownPing(to: request.node)
        relays[ping.sequence] = Relay(
            sequence: request.sequence,
            requester: Self.replyTo(request.sourceAddress, request.sourcePort, source),
            wantsNack: request.wantsNack,
            end: now + configuration.probeTimeout
        )
        relayOrder.append(ping.sequence)
        let target = GossipEndpoint(address: request.target, port: request.port)
        send([ping.encoded()], to: target, hasChecksum: false)
    }

    mutating func receive(_ ack: Acknowledgement, now: GossipTime) {
        if let current = probe, current.sequence == ack.sequence {
            probe = nil
            awareness.apply(-1)
            if !current.isIndirect, slots[current.slot]?.name == current.name {
                slots[current.slot]?.measured(now - current.sent)
            }
        } else if let relay = relays.removeValue(forKey: ack.sequence) {
            if let index = relayOrder.firstIndex(of: ack.sequence) { relayOrder.remove(at: index) }
            send([Acknowledgement(sequence: relay.sequence).encoded()], to: relay.requester, hasChecksum: false)
        } else if !receiveContestAck(ack.sequence) {
            counters.unexpectedAnswers += 1
        }
    }

    mutating func receive(_ nack: NegativeAcknowledgement) {
        guard let current = probe, current.sequence == nack.sequence, current.nacks < current.expectedNacks else {
            counters.unexpectedAnswers += 1
            return
        }
        probe?.nacks += 1
    }

    mutating func endRelays(now: GossipTime) {
        var ended = 0
        for sequence in relayOrder {
            guard let relay = relays[sequence], now >= relay.end else { break }
            relays[sequence] = nil
            ended += 1
            if relay.wantsNack {
                let nack = NegativeAcknowledgement(sequence: relay.sequence)
                send([nack.encoded()], to: relay.requester, hasChecksum: false)
            }
        }
        relayOrder.removeFirst(ended)
    }
}
