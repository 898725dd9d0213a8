import StellarSystem

/// One node's copy of the replicated store: what it holds, what it has to tell others, and whom to ask for what it misses.
///
/// ## Design
///
/// Every node takes writes, and all come to hold the same: of two entries under one key the later one wins
/// (``StoreEntry/supersedes(_:)``), so it does not matter in which order, how often and on which way they come. Three ways
/// lead from node to node:
///
/// 1. **Gossip.** What is written goes out at once in user messages, which every node that learns something by them passes
///    on. Fast, and may miss some: they get it from its origin, which is told who has it.
/// 2. **The exchange.** Two nodes compare their vectors and give each other what is missing (``StoreExchange``). It makes
///    gossip's gaps good, and is how a node catches up.
/// 3. **The probe.** Now and then one node tells another short sums of all it has. If they differ, there is an exchange; if
///    the two still differ after it, one of everything. So two nodes that are connected never stay different, whatever
///    the reason.
///
/// The machine holds exactly what is on the disk. ``begin(_:now:)`` decides what a transaction puts there, the driver puts
/// it there, ``commit(_:now:using:)`` makes it so; there is one transaction at a time. So nothing is acknowledged, passed on
/// or claimed in a vector that a power failure could take away.
///
/// Its parts are in extensions: `+Deciding` (what is taken over), `+Committing` (what follows), `+Receiving` (what others
/// say), `+Timing` (probes, exchanges, when), `+Resending` (what gossip missed), `+Purging` (forgetting tombstones).
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
    /// What was put aside, the earliest first.
    package internal(set) var quarantined: [StoreQuarantined]

    // What is not.
    var clock = StoreClock()
    /// Who is there, but for this node; in the order of their names.
    var present: [String] = []
    /// What each other node is known to have on its disk.
    var known: [String: VersionVector] = [:]
    /// What came of each node's `seen` messages last.
    var lives: [String: Life] = [:]
    /// By origin, runs that are held, but do not follow what is: in the order of ``StoreRun/previous``.
    var late: [String: [LateRun]] = [:]
    /// Up to where each node's writes are known to exist.
    var ahead = VersionVector()
    /// What exchanges brought lately.
    var learnt: [StoreEntry] = []
    var learntFrom: [String: StoreStamp] = [:]
    var plan: ExchangePlan
    var nextProbe: MonotonicTime
    /// From a probe to the next: it grows while nothing changes.
    var probeWait: Duration
    /// Whom to probe next, if it matters.
    var probeTarget: String?
    var nextPurge: MonotonicTime
    /// When each origin is to be told what is here of its writes, and when it was told last.
    var seenDue: [String: MonotonicTime] = [:]
    var seenSent: [String: MonotonicTime] = [:]
    /// Own writes that are on their way, and the last messages with them.
    var watched: Watched?
    var recent: [RecentRun] = []
    let life: UInt64
    var seenNumber: UInt64 = 0
    /// Whether anything was exchanged with anybody since the start.
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
        // Who was there when this node ended is away since then at the earliest, until it shows up.
        let today = clock.milliseconds(now: now)
        for member in image.members where member.name != name {
            members[member.name] = StoreMember(name: member.name, absentSince: member.absentSince ?? today)
        }
        let changed = image.members.filter { $0.absentSince == nil }.compactMap { members[$0.name] }
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

    /// What is to be done, in order; it is forgotten here.
    package mutating func takeEffects() -> [StoreEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    // MARK: Who is there

    /// A node is there: it joined, came back, or is told of again.
    package mutating func joined(_ node: String, now: StoreTime, using random: inout some RandomNumberGenerator) {
        guard node != name else { return }
        let index = present.firstIndex { $0 >= node } ?? present.endIndex
        guard index == present.endIndex || present[index] != node else { return }
        present.insert(node, at: index)
        if members[node] == nil || members[node]?.absentSince != nil {
            effects.append(.store(.members([StoreMember(name: node, absentSince: nil)])))
        }
        let soon = Duration.nanoseconds(
            Int64.random(in: 0...max(configuration.probeAfterChange.wholeNanoseconds, 0), using: &random)
        )
        if isSynced {
            // Whoever of the two has less asks for it. Of many that come at once one is told; the others hear of it.
            probeTarget = node
            nextProbe = min(nextProbe, now.monotonic + soon)
        } else {
            plan.want(node, at: now.monotonic)
            nextProbe = min(nextProbe, now.monotonic + configuration.probeAtRest)
        }
        // It may have lost what it knew of this node.
        seenDue[node] = now.monotonic + soon
    }

    /// A node is gone: dead, or it left.
    package mutating func lost(_ node: String, now: StoreTime) {
        guard let index = present.firstIndex(of: node) else { return }
        present.remove(at: index)
        seenDue[node] = nil
        seenSent[node] = nil
        if probeTarget == node { probeTarget = nil }
        let away = StoreMember(name: node, absentSince: clock.milliseconds(now: now))
        effects.append(.store(.members([away])))
    }

    /// A node will not come back: nothing waits for it any more. What it wrote stays.
    package mutating func forget(_ node: String) {
        known[node] = nil
        lives[node] = nil
        effects.append(.store(.forget(node)))
    }
}

/// What the machine wants done. The driver does it in order, and decides nothing.
package enum StoreEffect: Sendable, Hashable {
    /// Goes into the next transaction.
    case store(StoreInput)
    /// This is new here, whoever wrote it. What is gone without a trace comes as a tombstone.
    case changed([StoreEntry])
    /// A user message that all should get; a later one about the same thing takes its place.
    case broadcast([UInt8], about: String)
    /// A user message to one node.
    case send([UInt8], to: String)
    /// A ``StoreExchange`` is to be begun with this node; the next comes when it has ended.
    case exchange(with: String, isFull: Bool)
    /// A node is known to have more of this node's writes.
    case seen(by: String, upTo: StoreStamp)
    /// This was put aside.
    case quarantined([StoreQuarantined])
}
