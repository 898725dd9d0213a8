/// Who is there: SWIM (Das, Gupta, Motivala: "SWIM: scalable weakly-consistent infection-style process group membership
/// protocol", 2002) with Lifeguard (Dadgar, Phillips, Currey: "Lifeguard: local health awareness for more accurate
/// failure detection", 2017), spoken as memberlist does.
///
/// ## Design
/// A value. Messages, the time and randomness come in; effects go out, in order, through ``takeEffects()``. It has no
/// clock: ``deadline`` says when ``advance(now:using:)`` wants to be called next. Being late is harmless; being very late
/// is a sleep, in which nobody's silence means anything. It trusts no message: what cannot be is counted (``counters``) and dropped, and nothing that grows has no limit.
///
/// The rules are in the extensions: `+Probing` (is it there?), `+Claims` (what others say of a node), `+Gossip` (passing
/// it on), `+PushPull` (comparing everything), `+Contests` (two of one name), `+Sleep` (waking up).
public struct MembershipMachine: Sendable {
    /// Made for hundreds; ten times the most that was ever simulated. One forged datagram must not fill the memory.
    public static let maximumMembers = 65_536
    /// Pings for others at a time: each costs us one packet, and a place until its time is over.
    static let maximumRelays = 1024
    /// Names that two addresses claim, being asked about at a time: each costs two packets.
    static let maximumContests = 256

    public let name: String
    public let configuration: GossipConfiguration
    /// Bytes that the codec adds to a datagram of several messages.
    let codecOverhead: Int

    public internal(set) var counters = GossipCounters()

    /// By slot; a slot keeps its number as long as its member lives. nil is free.
    var slots: [Member?] = []
    var freeSlots: [Int] = []
    var slotOfName: [String: Int] = [:]
    /// The slots in the order of probing, shuffled at the end of each round (SWIM section 4.3).
    var order: [Int] = []
    var probeIndex = 0
    /// The member that is this node.
    var ownSlot = 0
    /// How many are alive or suspected, this node with them.
    public internal(set) var presentCount = 0

    var awareness: Awareness
    var queue: BroadcastQueue
    /// The application's messages that all should get: sent where news leave room.
    var userQueue: BroadcastQueue
    var sequence: UInt32 = 0
    var probe: Probe?
    var relays: [UInt32: Relay] = [:]
    /// The relays in the order in which their time is over.
    var relayOrder: [UInt32] = []
    /// Names whose holder is being asked whether it still lives, as another address claims them.
    var contested: [Int: Contest] = [:]

    var nextProbe: GossipTime
    var nextGossip: GossipTime
    var nextPushPull: GossipTime
    /// How many more of the next comparisons come sooner than the formula has them.
    var comparisonsSoon = 0
    /// Not after the earliest end of a suspicion; may be before it.
    var nextSuspicion: GossipTime?

    public internal(set) var isLeaving = false
    var effects: [GossipEffect] = []

    /// - Parameters:
    ///   - endpoint: where others reach this node.
    ///   - codecOverhead: ``PacketCodec/overhead``.
    ///   - incarnation: of the first claim. Peers that know a higher one of an earlier life are answered with more.
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
        // The first of each comes at a random moment, so that nodes started together do not speak together.
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

    /// Everybody known, this node with them, in the order of their names.
    public var members: [Member] { slots.compactMap { $0 }.sorted { $0.name < $1.name } }

    public func member(named name: String) -> Member? { slotOfName[name].map { self[$0] } }

    /// Whether a node that takes part listens there.
    public func hasPresentMember(at endpoint: GossipEndpoint) -> Bool {
        order.contains { self[$0].isPresent && self[$0].endpoint.isSame(as: endpoint) }
    }

    /// How well this node itself seems to be: 0 is well, ``GossipConfiguration/awarenessMaximum`` is not reached.
    public var awarenessScore: Int { awareness.score }

    /// News that were dropped as no room was for them.
    public var droppedNews: Int { queue.dropped }

    /// What is to be done, in order; it is forgotten here.
    public mutating func takeEffects() -> [GossipEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// When ``advance(now:using:)`` is wanted. Where there is nothing to pass on, or nobody to pass it on to, no time comes
    /// for it: most nodes are idle most of the time, and should sleep then.
    public var deadline: GossipTime {
        hasNoNews || isAlone ? firmDeadline : min(firmDeadline, nextGossip)
    }

    var hasNoNews: Bool { queue.isEmpty && userQueue.isEmpty }

    /// Nobody else is known.
    var isAlone: Bool { order.count == 1 }

    /// ``deadline`` but for the gossip, whose time may have come before there was anything to pass on.
    var firmDeadline: GossipTime {
        var earliest = nextPushPull
        if let probe {
            // The next one waits for this one, however long it takes.
            earliest = min(earliest, probe.isIndirect ? probe.end : probe.indirect)
        } else if !isAlone {
            earliest = min(earliest, nextProbe)
        }
        if let nextSuspicion { earliest = min(earliest, nextSuspicion) }
        if let first = relayOrder.first, let relay = relays[first] { earliest = min(earliest, relay.end) }
        for contest in contested.values { earliest = min(earliest, contest.end) }
        return earliest
    }

    /// Does what is due.
    public mutating func advance(now: GossipTime, using random: inout some RandomNumberGenerator) {
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
            nextPushPull = now + untilNextComparison(using: &random)
            comparePeers(using: &random)
        }
    }

    /// Takes one message of a datagram.
    ///
    /// - Parameter source: where the datagram came from.
    public mutating func receive(
        _ message: GossipMessage,
        from source: GossipEndpoint,
        now: GossipTime,
        using random: inout some RandomNumberGenerator
    ) {
        noticeSleep(now: now, using: &random)
        switch message {
        case .ping(let ping): answer(ping, from: source)
        case .indirectPing(let request): relay(request, from: source, now: now)
        case .acknowledgement(let answer): acknowledged(answer, now: now)
        case .negativeAcknowledgement(let answer): denied(answer)
        case .alive(let claim): receive(claim, now: now, using: &random)
        case .suspect(let claim): receive(claim, now: now)
        case .dead(let claim): receive(claim, now: now)
        case .user(let bytes): effects.append(.deliver(bytes))
        }
    }

    // MARK: What the extensions stand on

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
        // Drawing beats shuffling thousands; three draws for each wanted one find enough where most satisfy it.
        for _ in 0..<(3 * order.count) where picked.count < count {
            let slot = order[Int.random(in: order.indices, using: &random)]
            if !picked.contains(slot), condition(self[slot]) { picked.append(slot) }
        }
        return picked
    }
}

extension Member {
    /// Stands in where a bug asks for a slot that is free, so that a release build goes on.
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
