/// The membership of the cluster, as this node knows it: SWIM (Das, Gupta, Motivala: "SWIM: scalable weakly-consistent
/// infection-style process group membership protocol", 2002) with Lifeguard (Dadgar, Phillips, Currey: "Lifeguard:
/// local health awareness for more accurate failure detection", 2017), in memberlist's protocol.
///
/// ## Design
/// A value. Messages, the time and randomness come in; effects go out, in order, through ``takeEffects()``. It has no
/// clock: ``deadline`` is the time of the next ``advance(now:using:)``. A late call is harmless; a very late one means
/// that this node slept, and the silence of others in that time means nothing. The machine trusts no message: it counts
/// (``counters``) and drops invalid ones, and everything that grows has a limit.
///
/// The rules are in the extensions: `+Probing` (failure detection), `+Claims` (alive, suspect and dead messages),
/// `+Gossip` (spreading news), `+PushPull` (exchanging whole states), `+Contests` (two nodes of one name), `+Sleep`
/// (resuming). What must always hold is in `+Invariants`.
public struct MembershipMachine: Sendable {
    /// Members. Clusters have hundreds; the largest simulated one has a tenth of this. Forged messages must not fill
    /// memory.
    public static let maximumMembers = 65_536
    /// Pings for other nodes at a time. Each costs one packet, and a place until its time-out.
    static let maximumRelays = 1024
    /// Names at a time that two addresses claim and that are being pinged. Each costs two packets.
    static let maximumContests = 256

    public let name: String
    public let configuration: GossipConfiguration
    /// Bytes that the codec adds to a datagram of several messages.
    let codecOverhead: Int

    public internal(set) var counters = GossipCounters()

    /// The members by slot. A member keeps its slot until it is forgotten; nil is a free slot.
    var slots: [Member?] = []
    var freeSlots: [Int] = []
    var slotOfName: [String: Int] = [:]
    /// The slots in the order of probing, shuffled at the end of each round (SWIM section 4.3).
    var order: [Int] = []
    var probeIndex = 0
    /// The member that is this node.
    var ownSlot = 0
    /// How many members are alive or suspected, including this node.
    public internal(set) var presentCount = 0

    var awareness: Awareness
    var queue: BroadcastQueue
    /// The application's broadcasts. They use the room that news leaves in a datagram.
    var userQueue: BroadcastQueue
    var sequence: UInt32 = 0
    var probe: Probe?
    var relays: [UInt32: Relay] = [:]
    /// The relays in the order of their time-outs.
    var relayOrder: [UInt32] = []
    /// Members whose name another address claims, by slot; both addresses are being pinged.
    var contested: [Int: Contest] = [:]

    var nextProbe: GossipTime
    var nextGossip: GossipTime
    var nextPushPull: GossipTime
    /// How many early push/pulls are still to come, before the interval of the formula applies.
    var earlyPushPullsLeft = 0
    /// Never after the earliest end of a suspicion; it may be before it.
    var nextSuspicion: GossipTime?

    public internal(set) var isLeaving = false
    var effects: [GossipEffect] = []

    /// - Parameters:
    ///   - endpoint: where others reach this node.
    ///   - codecOverhead: ``PacketCodec/overhead``.
    ///   - incarnation: of the first alive message. If peers know a higher one from before a restart, this node raises
    ///     it.
    public init(
        name: String,
        endpoint: GossipEndpoint,
        metadata: [UInt8] = [],
        versions: ProtocolVersions = .ours,
        configuration: GossipConfiguration = .lan,
        codecOverhead: Int = 0,
        incarnation: UInt32 = 1,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) {
        self.name = name
        self.configuration = configuration
        self.codecOverhead = codecOverhead
        awareness = Awareness(maximum: configuration.awarenessMaximum)
        queue = BroadcastQueue(limit: configuration.queueBytes)
        userQueue = BroadcastQueue(limit: configuration.userQueueBytes)
        // The first of each comes at a random moment, so that nodes that start together do not send together.
        func stagger(_ interval: Duration) -> GossipTime {
            now + .nanoseconds(Int64.random(in: 0...max(interval.nanoseconds, 0), using: &random))
        }
        nextProbe = stagger(configuration.probeInterval)
        nextGossip = stagger(configuration.gossipInterval)
        nextPushPull = stagger(configuration.pushPullInterval)
        let member = Member(
            name: name,
            address: endpoint.address,
            port: endpoint.port,
            metadata: Array(metadata.prefix(WireLimits.metadata)),
            versions: versions,
            incarnation: incarnation,
            state: .alive,
            since: now
        )
        slots.append(member)
        slotOfName[name] = 0
        order.append(0)
        presentCount = 1
        announce(member)
    }

    /// This node.
    public var own: Member { self[ownSlot] }

    /// All known nodes, including this one, sorted by name.
    public var members: [Member] { slots.compactMap { $0 }.sorted { $0.name < $1.name } }

    public func member(named name: String) -> Member? { slotOfName[name].map { self[$0] } }

    /// Whether an alive or suspected member has this endpoint.
    public func hasPresentMember(at endpoint: GossipEndpoint) -> Bool {
        order.contains { self[$0].isPresent && self[$0].endpoint.isSame(as: endpoint) }
    }

    /// The health of this node: 0 is healthy, and it stays below ``GossipConfiguration/awarenessMaximum``.
    public var awarenessScore: Int { awareness.score }

    /// News that was dropped because the queue was full.
    public var droppedNews: Int { queue.dropped }

    /// Removes and returns the effects, in order.
    public mutating func takeEffects() -> [GossipEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// When to call ``advance(now:using:)``. Without news to spread, or other nodes to send it to, the gossip interval
    /// does not count: most nodes are idle most of the time and should sleep then.
    public var deadline: GossipTime {
        hasNoNews || isAlone ? firmDeadline : min(firmDeadline, nextGossip)
    }

    var hasNoNews: Bool { queue.isEmpty && userQueue.isEmpty }

    /// Whether this node knows no other node.
    var isAlone: Bool { order.count == 1 }

    /// ``deadline`` without the gossip interval, which may have passed before there was any news.
    var firmDeadline: GossipTime {
        var earliest = nextPushPull
        if let probe {
            // The next probe waits for this one, however long it takes.
            earliest = min(earliest, probe.isIndirect ? probe.end : probe.indirect)
        } else if !isAlone {
            earliest = min(earliest, nextProbe)
        }
        if let nextSuspicion { earliest = min(earliest, nextSuspicion) }
        if let first = relayOrder.first, let relay = relays[first] { earliest = min(earliest, relay.end) }
        for contest in contested.values { earliest = min(earliest, contest.end) }
        return earliest
    }

    /// Runs the timers that are due.
    public mutating func advance(now: GossipTime, using random: inout some RandomNumberGenerator) {
        defer { assert(checkInvariants()) }
        noticeSleep(now: now, using: &random)
        endSuspicions(now: now)
        endContests(now: now)
        endRelays(now: now)
        continueProbe(now: now, using: &random)
        if now >= nextProbe, probe == nil, !isAlone { startProbe(now: now, using: &random) }
        if now >= nextGossip, !hasNoNews {
            nextGossip = now + configuration.gossipInterval
            gossip(now: now, using: &random)
        }
        if now >= nextPushPull {
            nextPushPull = now + pushPullDelay(using: &random)
            startPushPull(using: &random)
        }
    }

    /// Receives one message of a datagram.
    ///
    /// - Parameter source: the sender of the datagram.
    public mutating func receive(
        _ message: GossipMessage,
        from source: GossipEndpoint,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) {
        defer { assert(checkInvariants()) }
        noticeSleep(now: now, using: &random)
        switch message {
        case .ping(let ping): acknowledge(ping, from: source)
        case .indirectPing(let request): relay(request, from: source, now: now)
        case .acknowledgement(let ack): receive(ack, now: now)
        case .negativeAcknowledgement(let nack): receive(nack)
        case .alive(let claim): receive(claim, now: now, using: &random)
        case .suspect(let claim): receive(claim, now: now)
        case .dead(let claim): receive(claim, now: now)
        case .user(let bytes): effects.append(.deliver(bytes))
        }
    }

    // MARK: For the extensions

    subscript(slot: Int) -> Member {
        get {
            guard let member = slots[slot] else {
                assertionFailure("slot \(slot) is free")
                return slots[ownSlot] ?? Member.nobody
            }
            return member
        }
        set { slots[slot] = newValue }
    }

    mutating func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    /// Up to `count` slots that satisfy a condition, all equally likely.
    func pick(
        _ count: Int,
        using random: inout some RandomNumberGenerator,
        where condition: (Member) -> Bool
    ) -> [Int] {
        var picked: [Int] = []
        if order.count < 3 * count {
            for slot in order.shuffled(using: &random) where picked.count < count && condition(self[slot]) {
                picked.append(slot)
            }
            return picked
        }
        // Drawing is faster than shuffling thousands. Three draws for each wanted slot suffice if most slots satisfy
        // it.
        for _ in 0..<(3 * order.count) where picked.count < count {
            let slot = order[Int.random(in: order.indices, using: &random)]
            if !picked.contains(slot), condition(self[slot]) { picked.append(slot) }
        }
        return picked
    }
}

extension Member {
    /// A placeholder for a free slot that a bug uses, so that a release build goes on.
    static let nobody = Member(
        name: "",
        address: .none,
        port: 0,
        metadata: [],
        versions: .ours,
        incarnation: 0,
        state: .left,
        since: GossipTime(nanoseconds: 0)
    )
}
