/// Passing news on (SWIM section 4.1): with every ping and answer, and, so that they spread also where nothing is probed,
/// to a few random nodes in each interval.
extension MembershipMachine {
    mutating func gossip(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard !queue.isEmpty else { return }
        let targets = pick(configuration.gossipNodes, using: &random) { member in
            switch member.state {
            case .alive, .suspect: member.name != name
            // It may not know that it is called dead; one that left does.
            case .dead: now - member.since <= configuration.gossipToTheDead
            case .left: false
            }
        }
        for slot in targets {
            let news = news(
                space: configuration.datagramBytes - codecOverhead - PacketCodec.checksumOverhead - Compound.overhead
            )
            if news.isEmpty { return }
            effects.append(.send(news, to: self[slot].endpoint, hasChecksum: self[slot].understandsChecksum))
        }
    }

    /// Sends messages to a member, and as much news as fits beside them.
    mutating func send(_ messages: [[UInt8]], to member: Member) {
        send(messages, to: member.endpoint, hasChecksum: member.understandsChecksum)
    }

    mutating func send(_ messages: [[UInt8]], to endpoint: GossipEndpoint, hasChecksum: Bool) {
        let own = messages.reduce(0) { $0 + $1.count + Compound.overheadPerPart }
        let space = configuration.datagramBytes - codecOverhead - PacketCodec.checksumOverhead - Compound.overhead - own
        effects.append(.send(messages + news(space: space), to: endpoint, hasChecksum: hasChecksum))
    }

    private mutating func news(space: Int) -> [[UInt8]] {
        guard !queue.isEmpty else { return [] }
        let limit = Formulas.retransmitLimit(multiplier: configuration.retransmitMultiplier, nodes: presentCount)
        let (messages, finished) = queue.take(
            overhead: Compound.overheadPerPart,
            space: space,
            transmitLimit: max(limit, 1)
        )
        if isLeaving, finished.contains(name) { effects.append(.event(.farewellSent)) }
        return messages
    }
}

extension Member {
    var understandsChecksum: Bool { versions.maximum >= ProtocolVersions.checksum }
}
