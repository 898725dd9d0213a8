/// Asking one node after the other whether it is there (SWIM section 3.1).
extension MembershipMachine {
    /// One node being asked.
    struct Probe: Sendable, Hashable {
        var slot: Int
        var name: String
        var sequence: UInt32
        var sent: GossipTime
        /// When others are asked to try.
        var indirect: GossipTime
        /// When it is over.
        var end: GossipTime
        var isIndirect = false
        var expectedDenials = 0
        var denials = 0
        /// The node answered on a stream.
        var hasStreamAnswer = false
    }

    /// A ping that we sent for another node.
    struct Relay: Sendable, Hashable {
        var sequence: UInt32
        var asker: GossipEndpoint
        var wantsDenial: Bool
        var end: GossipTime
    }

    mutating func startProbe(now: GossipTime, using random: inout some RandomNumberGenerator) {
        nextProbe = now + configuration.probeInterval
        guard let slot = nextToProbe(now: now, using: &random) else { return }
        startProbe(of: slot, now: now)
    }

    /// Asks one node.
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
            // It hears of it from us first, whatever happens to the news (Lifeguard section IV.C, "buddy system").
            messages.append(Suspect(node: member.name, incarnation: member.incarnation, from: name).encoded())
        }
        send(messages, to: member)
    }

    /// Somebody is there to be probed: at the next of the times that would have been this node's, so that nodes that meet at
    /// one moment do not all probe at one moment.
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
        // Once around: those that are gone are passed over, and forgotten when a round begins.
        for _ in 0...order.count {
            if probeIndex >= order.count {
                forgetTheDead(now: now)
                order.shuffle(using: &random)
                probeIndex = 0
            }
            let slot = order[probeIndex]
            probeIndex += 1
            if isProbed(self[slot]) { return slot }
        }
        return nil
    }

    /// A ping of this node, to be answered to it.
    ///
    /// - Parameter sequence: of a ping that this one goes beside; a new one otherwise.
    mutating func ownPing(to node: String, sequence: UInt32? = nil) -> Ping {
        var ping = Ping(sequence: sequence ?? nextSequence(), node: node)
        ping.sourceAddress = own.address
        ping.sourcePort = own.port
        ping.sourceNode = name
        return ping
    }

    mutating func continueProbe(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard let current = probe else { return }
        if !current.isIndirect, now >= current.indirect { askOthers(now: now, using: &random) }
        if now >= current.end { concludeProbe(now: now) }
    }

    private mutating func askOthers(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard var current = probe, let target = slots[current.slot], target.name == current.name else { return }
        current.isIndirect = true
        let helpers = pick(configuration.indirectChecks, using: &random) { member in
            member.state == .alive && member.name != name && member.name != target.name
        }
        for helper in helpers.map({ self[$0] }) {
            let denies = helper.versions.maximum >= ProtocolVersions.negativeAcknowledgement
            if denies { current.expectedDenials += 1 }
            var request = IndirectPing(
                sequence: current.sequence,
                target: target.address,
                port: target.port,
                node: target.name,
                wantsNegative: denies
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
        if current.hasStreamAnswer {
            awareness.apply(-1)
            effects.append(.event(.datagramsLost(target)))
            return
        }
        counters.failedProbes += 1
        // Helpers that are silent, too, say more about our network than about the target's.
        awareness.apply(current.expectedDenials > 0 ? current.expectedDenials - current.denials : 1)
        receive(Suspect(node: target.name, incarnation: target.incarnation, from: name), now: now)
    }

    /// A ping on a stream was answered.
    public mutating func streamAnswered(sequence: UInt32) {
        guard probe?.sequence == sequence else { return }
        probe?.hasStreamAnswer = true
    }

    // MARK: Answers

    mutating func answer(_ ping: Ping, from source: GossipEndpoint) {
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
            asker: Self.replyTo(request.sourceAddress, request.sourcePort, source),
            wantsDenial: request.wantsNegative,
            end: now + configuration.probeTimeout
        )
        relayOrder.append(ping.sequence)
        let target = GossipEndpoint(address: request.target, port: request.port)
        send([ping.encoded()], to: target, hasChecksum: false)
    }

    mutating func acknowledged(_ answer: Acknowledgement, now: GossipTime) {
        if let current = probe, current.sequence == answer.sequence {
            probe = nil
            awareness.apply(-1)
            if !current.isIndirect, slots[current.slot]?.name == current.name {
                slots[current.slot]?.measured(now - current.sent)
            }
        } else if let relay = relays.removeValue(forKey: answer.sequence) {
            send([Acknowledgement(sequence: relay.sequence).encoded()], to: relay.asker, hasChecksum: false)
        } else if !answeredContest(answer.sequence) {
            counters.unexpectedAnswers += 1
        }
    }

    mutating func denied(_ answer: NegativeAcknowledgement) {
        guard let current = probe, current.sequence == answer.sequence, current.denials < current.expectedDenials else {
            counters.unexpectedAnswers += 1
            return
        }
        probe?.denials += 1
    }

    mutating func endRelays(now: GossipTime) {
        var ended = 0
        for sequence in relayOrder {
            // One that was answered is gone already.
            if let relay = relays[sequence] {
                guard now >= relay.end else { break }
                relays[sequence] = nil
                if relay.wantsDenial {
                    let denial = NegativeAcknowledgement(sequence: relay.sequence)
                    send([denial.encoded()], to: relay.asker, hasChecksum: false)
                }
            }
            ended += 1
        }
        relayOrder.removeFirst(ended)
    }
}
