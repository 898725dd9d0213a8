import StellarSystem

/// One node's copy of the replicated store: what it holds, what it sends to others, and where it fetches what it misses.
///
/// ## Design
///
/// Every node takes writes, and all come to hold the same: of two entries under one key the later one wins
/// (``StoreEntry/supersedes(_:)``), so the order, the number and the path of their arrivals do not matter. There are three
/// paths:
///
/// 1. **Gossip.** Writes go out at once in user messages, and every node to which a message brings news passes it on. This
///    is fast and may miss nodes. Each node reports to an origin what it has, and the origin sends the rest again.
/// 2. **The exchange.** Two nodes compare their vectors and send each other what is missing (``StoreExchange``). It fills
///    the gaps of gossip, and a node catches up by it.
/// 3. **The probe.** Now and then a node sends another one short sums of all it has. If they differ, an exchange follows; if
///    the two nodes still differ after it, one of everything. So two connected nodes never stay different, whatever the
///    reason.
///
/// The machine holds exactly what is on the disk. ``begin(_:now:)`` decides what a transaction writes, the driver writes it,
/// ``commit(_:now:)`` applies it; there is one transaction at a time. So nothing is acknowledged, passed on or claimed in a
/// vector that a power failure could undo.
///
/// Its parts are in extensions: `+Deciding` (what is applied), `+Committing` (what follows), `+Receiving` (messages),
/// `+Timing` (probes, exchanges, when), `+Resending` (what gossip missed), `+Purging` (tombstones), `+Invariants`.
package struct StoreMachine: Sendable {
    package let name: String
    package let configuration: StoreConfiguration

    // What is on the disk.
    var contents = StoreContents()
    /// What this node has of each node's writes.
    package internal(set) var vector: VersionVector
    /// By origin, the greatest of its tombstones that this node has forgotten.
    package internal(set) var purged: VersionVector
    var members: [String: StoreMember]
    /// Quarantined entries, the earliest first.
    package internal(set) var quarantined: [StoreQuarantined]

    // What is not.
    var clock = StoreClock()
    /// Live nodes except this one, in the order of their names.
    var alive: [String] = []
    /// What each other node is known to have on its disk.
    var known: [String: VersionVector] = [:]
    /// The last `seen` message of each node.
    var lives: [String: Life] = [:]
    /// By origin, runs whose entries are held and that do not follow the vector yet, in the order of ``StoreRun/previous``.
    var late: [String: [LateRun]] = [:]
    /// Up to where each node's writes are known to exist.
    var ahead = VersionVector()
    /// What exchanges brought lately.
    var learnt: [StoreEntry] = []
    var learntFrom: [String: StoreStamp] = [:]
    var plan: ExchangePlan
    var nextProbe: MonotonicTime
    /// The time between two probes; it grows while nothing changes.
    var probeWait: Duration
    /// The node to probe next; nil: any.
    var probeTarget: String?
    var nextPurge: MonotonicTime
    /// When the next `seen` message to each origin is due, and when the last one was sent.
    var seenDue: [String: MonotonicTime] = [:]
    var seenSent: [String: MonotonicTime] = [:]
    /// Own writes whose arrival is watched, and the last messages with own writes.
    var watched: Watched?
    var recent: [RecentRun] = []
    let life: UInt64
    var seenNumber: UInt64 = 0
    /// Whether this node has compared all it holds with another one since the start.
    package internal(set) var isSynced = false
    package internal(set) var counters = StoreCounters()
    var effects: [StoreEffect] = []

    struct Life: Sendable {
        var life: UInt64
        var number: UInt64
    }

    struct LateRun: Sendable {
        var previous: StoreStamp
        var upTo: StoreStamp
    }

    /// - Parameters:
    ///   - name: this node's, the origin of what it writes.
    ///   - image: what is on the disk.
    package init(
        name: String,
        image: StoreImage = StoreImage(),
        configuration: StoreConfiguration = StoreConfiguration(),
        now: StoreTime,
        using random: inout some RandomNumberGenerator
    ) {
        self.name = name
        self.configuration = configuration
        vector = image.vector
        purged = image.purged
        quarantined = image.quarantined
        members = [:]
        life = random.next()
        plan = ExchangePlan()
        nextProbe = now.monotonic + configuration.probeAtRest
        probeWait = configuration.probeAtRest
        nextPurge = now.monotonic + configuration.purgeInterval
        for entry in image.entries {
            if let held = contents[entry.key], !entry.supersedes(held) { continue }
            contents.put(entry)
            clock.observe(entry.stamp)
        }
        for (_, stamp) in image.vector.all + image.purged.all { clock.observe(stamp) }
        // A member that was alive when this node ended counts as lost from now on, until it joins.
        let today = clock.milliseconds(now: now)
        for member in image.members where member.name != name {
            members[member.name] = StoreMember(name: member.name, lostSince: member.lostSince ?? today)
        }
        let changed = image.members.filter { $0.lostSince == nil }.compactMap { members[$0.name] }
        if !changed.isEmpty { effects.append(.store(.members(changed.sorted { $0.name < $1.name }))) }
    }

    // MARK: What is here

    /// The living entry under a key.
    package func value(_ key: StoreKey) -> StoreEntry? {
        contents[key].flatMap { $0.isTombstone ? nil : $0 }
    }

    /// What is under a key, a tombstone too.
    package func entry(_ key: StoreKey) -> StoreEntry? { contents[key] }

    /// The living ones, in the order of their keys.
    package func entries(_ bucket: String, prefix: String = "") -> [StoreEntry] {
        contents.entries(bucket, prefix: prefix)
    }

    /// Those that have something in them, in order.
    package var buckets: [String] { contents.bucketNames }

    /// Everything, tombstones too, in the order of keys.
    package var everything: [StoreEntry] { contents.all }

    /// Keys, those of tombstones with them.
    package var count: Int { contents.count }
    package var tombstoneCount: Int { contents.tombstoneCount }

    /// A sum of all living entries: the same on two nodes that hold the same.
    package var digest: UInt64 { contents.digest }

    /// The same of its tombstones after `floor`.
    package func tombstoneDigest(after floor: StoreStamp) -> UInt64 { contents.tombstoneDigest(after: floor) }

    /// This node's last write.
    package var ownStamp: StoreStamp { vector[name] }

    /// By node, up to which of this node's writes it is known to have everything on its disk.
    package var watermarks: [String: StoreStamp] { known.mapValues { $0[name] } }

    /// Whether there is something that this node knows of and does not have.
    package var isBehind: Bool { !vector.covers(ahead) }

    /// Takes the effects, in order.
    package mutating func takeEffects() -> [StoreEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    // MARK: Members

    /// A node is alive: it joined or came back. May be reported more than once.
    package mutating func joined(_ node: String, now: StoreTime, using random: inout some RandomNumberGenerator) {
        guard node != name else { return }
        let index = alive.firstIndex { $0 >= node } ?? alive.endIndex
        guard index == alive.endIndex || alive[index] != node else { return }
        alive.insert(node, at: index)
        assert(zip(alive, alive.dropFirst()).allSatisfy { $0 < $1 }, "live nodes are in order, each once")
        if members[node] == nil || members[node]?.lostSince != nil {
            effects.append(.store(.members([StoreMember(name: node, lostSince: nil)])))
        }
        let soon = Duration.nanoseconds(
            Int64.random(in: 0...max(configuration.probeAfterChange.wholeNanoseconds, 0), using: &random)
        )
        if isSynced {
            // The node that has less begins an exchange. Of many that join at once one is probed; gossip informs the others.
            probeTarget = node
            nextProbe = min(nextProbe, now.monotonic + soon)
        } else {
            plan.want(node, at: now.monotonic)
            nextProbe = min(nextProbe, now.monotonic + configuration.probeAtRest)
        }
        // It may have lost this node's last report.
        seenDue[node] = now.monotonic + soon
    }

    /// A node is dead or left.
    package mutating func lost(_ node: String, now: StoreTime) {
        guard let index = alive.firstIndex(of: node) else { return }
        alive.remove(at: index)
        seenDue[node] = nil
        seenSent[node] = nil
        if probeTarget == node { probeTarget = nil }
        let member = StoreMember(name: node, lostSince: clock.milliseconds(now: now))
        effects.append(.store(.members([member])))
    }

    /// A node does not come back: nothing waits for it any more. Its writes stay.
    package mutating func forget(_ node: String) {
        known[node] = nil
        lives[node] = nil
        effects.append(.store(.forget(node)))
    }
}

/// What the machine wants done. The driver runs effects in order, and decides nothing.
package enum StoreEffect: Sendable, Hashable {
    /// Goes into the next transaction.
    case store(StoreInput)
    /// These entries changed, written by any node. A key without an entry comes as a tombstone.
    case changed([StoreEntry])
    /// A user message to all nodes; it replaces an earlier one about the same subject.
    case broadcast([UInt8], about: String)
    /// A user message to one node.
    case send([UInt8], to: String)
    /// Begin a ``StoreExchange`` with this node; the next such effect comes when it has ended.
    case exchange(with: String, isFull: Bool)
    /// A node is known to have more of this node's writes.
    case seen(by: String, upTo: StoreStamp)
    /// These entries were quarantined.
    case quarantined([StoreQuarantined])
}
