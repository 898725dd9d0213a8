import StellarSystem

/// Commits: what is on the disk now is held, reported and passed on.
extension StoreMachine {
    /// Commits a transaction that is on the disk. No other may have been begun since.
    package mutating func commit(_ transaction: StoreTransaction, now: StoreTime) {
        assert(follows(transaction), "a transaction that does not follow the state was committed")
        defer { assert(holds(transaction), "the state does not hold what was committed") }
        counters += transaction.counters
        let upserts = transaction.upserts
        for entry in upserts {
            contents.put(entry)
            clock.observe(entry.stamp)
        }
        for key in transaction.removals { contents.remove(key) }
        commitVectors(transaction, now: now)
        for (node, member) in transaction.members { members[node] = member }
        commitQuarantine(transaction)
        let changed = upserts + transaction.removed.filter { contents[$0.key] == nil }
        if !changed.isEmpty { effects.append(.changed(changed)) }
        if let run = transaction.own {
            broadcast(run)
            watchArrival(now: now)
        }
        for run in transaction.passedOn { passOn(run) }
        learnt += transaction.learnt.prefix(max(StoreLimits.learnt + 1 - learnt.count, 0))
        if !upserts.isEmpty || !transaction.vector.isEmpty {
            probeWait = configuration.probeAfterChange
            nextProbe = min(nextProbe, now.monotonic + probeWait)
        }
        if isBehind { plan.want(nil, at: now.monotonic + configuration.gapPatience, isForGap: true) }
    }

    private mutating func commitVectors(_ transaction: StoreTransaction, now: StoreTime) {
        for (origin, stamp) in transaction.vector.sorted(by: { $0.key < $1.key }) {
            vector.advance(origin, to: stamp)
            clock.observe(stamp)
            late[origin]?.removeAll { $0.upTo <= stamp }
            if late[origin]?.isEmpty ?? false { late[origin] = nil }
            if origin != name, alive.contains(origin) { scheduleSeen(to: origin, now: now) }
            if !learnt.isEmpty || !transaction.learnt.isEmpty { learntFrom[origin] = stamp }
        }
        for (origin, stamp) in transaction.purged {
            purged.advance(origin, to: stamp)
            clock.observe(stamp)
        }
        for run in transaction.late where run.upTo > vector[run.origin] {
            var runs = late[run.origin] ?? []
            guard runs.count < StoreLimits.lateRuns else { continue }
            let index = runs.firstIndex { $0.previous > run.previous } ?? runs.endIndex
            runs.insert(LateRun(run), at: index)
            late[run.origin] = runs
        }
        for (origin, stamp) in transaction.ahead { ahead.advance(origin, to: stamp) }
    }

    private mutating func commitQuarantine(_ transaction: StoreTransaction) {
        if !transaction.released.isEmpty {
            let released = Set(transaction.released)
            quarantined.removeAll { released.contains($0) }
        }
        guard !transaction.quarantined.isEmpty else { return }
        quarantined += transaction.quarantined
        effects.append(.quarantined(transaction.quarantined))
    }

    // MARK: Broadcasts

    /// Broadcasts own writes, in as many messages as they need. A notice stands for those that fit no message.
    private mutating func broadcast(_ run: StoreRun) {
        var part = StoreRun(origin: run.origin, previous: run.previous, upTo: run.previous, entries: [])
        let overhead = run.origin.utf8.count + 24
        var bytes = overhead
        var isTooLong = false
        for entry in run.entries {
            if overhead + entry.encodedBytes > configuration.gossipBytes {
                isTooLong = true
                passOn(part, isOwn: true)
                part = StoreRun(origin: run.origin, previous: entry.stamp, upTo: entry.stamp, entries: [])
                bytes = overhead
                continue
            }
            if bytes + entry.encodedBytes > configuration.gossipBytes {
                passOn(part, isOwn: true)
                part = StoreRun(origin: run.origin, previous: part.upTo, upTo: part.upTo, entries: [])
                bytes = overhead
            }
            bytes += entry.encodedBytes
            part.entries.append(entry)
            part.upTo = entry.stamp
        }
        passOn(part, isOwn: true)
        if isTooLong { notice(VersionVector([run.origin: run.upTo])) }
    }

    private mutating func passOn(_ run: StoreRun, isOwn: Bool = false) {
        guard !run.entries.isEmpty else { return }
        let message = StoreMessage.fresh(run).encoded()
        if isOwn { remember(run, message) }
        effects.append(.broadcast(message, about: "\(run.origin) \(run.upTo.rawValue)"))
    }

    mutating func notice(_ vector: VersionVector) {
        effects.append(.broadcast(StoreMessage.notice(holder: name, vector).encoded(), about: "notice \(name)"))
    }

    /// Passes on what exchanges brought: the entries where they fit a message, and a notice that this node has them.
    mutating func passOnLearnt() {
        defer {
            learnt = []
            learntFrom = [:]
        }
        guard !learnt.isEmpty, !alive.isEmpty else { return }
        let bytes = learnt.reduce(1) { $0 + $1.encodedBytes }
        if learnt.count <= StoreLimits.learnt, bytes <= configuration.gossipBytes {
            let digest = learnt.reduce(into: StoreHash()) { $0.add($1.stamp.rawValue) }.value
            effects.append(.broadcast(StoreMessage.learnt(learnt).encoded(), about: "learnt \(digest)"))
        }
        if !learntFrom.isEmpty {
            let origins = learntFrom.sorted { $0.key < $1.key }.prefix(StoreLimits.noticed)
            notice(VersionVector(Dictionary(origins.map { ($0.key, $0.value) }) { first, _ in first }))
        }
    }

    mutating func scheduleSeen(to origin: String, now: StoreTime) {
        guard seenDue[origin] == nil else { return }
        let earliest = seenSent[origin].map { $0 + configuration.seenInterval } ?? now.monotonic
        seenDue[origin] = max(earliest, now.monotonic)
    }
}
