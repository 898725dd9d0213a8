/// Spreading news (SWIM section 4.1): with every ping and acknowledgement, and to a few random nodes in each interval,
/// so that it spreads faster than probes do.
extension MembershipMachine {
    mutating func gossip(now: GossipTime, using random: inout some RandomNumberGenerator) {
        guard !hasNoNews else { return }
        let targets = pick(configuration.gossipNodes, using: &random) { member in
            switch member.state {
            case .alive, .suspect: member.name != name
            // A node may not know that it was declared dead. A node that left knows.
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

    /// Sends messages to a member, with as much news as fits beside them.
    mutating func send(_ messages: [[UInt8]], to member: Member) {
        send(messages, to: member.endpoint, hasChecksum: member.understandsChecksum)
    }

    mutating func send(_ messages: [[UInt8]], to endpoint: GossipEndpoint, hasChecksum: Bool) {
        let own = messages.reduce(0) { $0 + $1.count + Compound.overheadPerPart }
        let space = configuration.datagramBytes - codecOverhead - PacketCodec.checksumOverhead - Compound.overhead - own
        effects.append(.send(messages + news(space: space), to: endpoint, hasChecksum: hasChecksum))
    }

    private mutating func news(space: Int) -> [[UInt8]] {
        guard !hasNoNews else { return [] }
        let limit = max(
            Formulas.retransmitLimit(multiplier: configuration.retransmitMultiplier, nodes: presentCount),
            1
        )
        let overhead = Compound.overheadPerPart
        let (news, finished) = queue.take(overhead: overhead, space: space, transmitLimit: limit)
        if isLeaving, finished.contains(name) { effects.append(.event(.leaveSent)) }
        guard !userQueue.isEmpty else { return news }
        // Membership comes first: without it no message reaches anybody.
        let left = space - news.reduce(0) { $0 + $1.count + overhead }
        return news + userQueue.take(overhead: overhead, space: left, transmitLimit: limit).messages
    }

    /// Queues an application's message; this node sends it as often as news. The application of each receiver decides
    /// whether to broadcast it in turn.
    ///
    /// - Parameter subject: a later message about the same subject replaces it.
    /// - Returns: false if it does not fit a datagram.
    @discardableResult
    public mutating func broadcast(_ message: [UInt8], about subject: String) -> Bool {
        let bytes = GossipMessage.user(message).encoded()
        let most =
            configuration.datagramBytes - codecOverhead - PacketCodec.checksumOverhead - Compound.overhead
            - Compound.overheadPerPart
        guard bytes.count <= most else { return false }
        userQueue.insert(bytes, about: subject)
        assert(checkInvariants())
        return true
    }
}

extension Member {
    var understandsChecksum: Bool { versions.maximum >= ProtocolVersions.checksum }
}
