import StellarSystem

/// Receives user messages of other nodes.
extension StoreMachine {
    /// - Throws: where it is not a message of the store. Nothing changes then.
    package mutating func receive(
        _ message: [UInt8],
        now: StoreTime,
        using random: inout some RandomNumberGenerator
    ) throws(StoreWireError) {
        let decoded: StoreMessage
        do throws(StoreWireError) {
            decoded = try StoreMessage(message)
        } catch {
            counters.undecodable += 1
            throw error
        }
        switch decoded {
        case .fresh(let run):
            // Most messages bring nothing new, and cost no transaction.
            let isKnown = vector[run.origin] >= run.upTo && run.entries.allSatisfy { isHeld($0) }
            if !isKnown { effects.append(.store(.fresh(run))) }
        case .learnt(let entries):
            let news = entries.filter { !isHeld($0) }
            if !news.isEmpty { effects.append(.store(.take(news))) }
        case .notice(let holder, let vector): noticed(vector, at: holder, now: now, using: &random)
        case .probe(let probe): compare(probe, now: now, using: &random)
        case .seen(let seen): take(seen, now: now)
        }
    }

    /// Whether this entry, or one that supersedes it, is held, or it was deleted.
    private func isHeld(_ entry: StoreEntry) -> Bool {
        if let held = contents[entry.key] { return !entry.supersedes(held) }
        return vector.covers(entry) && entry.stamp <= purged.greatest
    }

    private mutating func noticed(
        _ theirs: VersionVector,
        at holder: String,
        now: StoreTime,
        using random: inout some RandomNumberGenerator
    ) {
        guard holder != name else { return }
        guard !vector.covers(theirs) else {
            // A holder's notice of its own writes asks whether they have arrived.
            if theirs[holder] > .zero, alive.contains(holder) { scheduleSeen(to: holder, now: now) }
            return
        }
        for (origin, stamp) in theirs.all where stamp < .latest { ahead.advance(origin, to: stamp) }
        clock.observe(theirs[name])
        // At a random moment, so that not all nodes call the holder at once.
        plan.want(holder, at: now.monotonic + jitter(configuration.gapPatience, using: &random), isForGap: true)
    }

    private mutating func compare(
        _ probe: StoreProbe,
        now: StoreTime,
        using random: inout some RandomNumberGenerator
    ) {
        guard probe.node != name else { return }
        // Where more tombstones are forgotten here, this node's own probes show differences.
        let haveSameDeletes =
            purged.greatest > probe.floor || contents.tombstoneDigest(after: probe.floor) == probe.tombstones
        if probe.vector == vector.digest, probe.living == contents.digest, haveSameDeletes {
            isSynced = true
            learn(vector, of: probe.node)
        } else if alive.contains(probe.node) {
            plan.want(probe.node, at: now.monotonic + jitter(configuration.gapPatience, using: &random))
        }
    }

    private mutating func take(_ seen: StoreSeen, now: StoreTime) {
        guard seen.node != name, seen.upTo < .latest, seen.own < .latest else { return }
        if let last = lives[seen.node], last.life == seen.life, last.number >= seen.number { return }
        lives[seen.node] = Life(life: seen.life, number: seen.number)
        guard seen.upTo <= vector[name] else {
            // This node lost writes: its disk is an old one. None of those stamps may be given again.
            clock.observe(seen.upTo)
            ahead.advance(name, to: seen.upTo)
            return plan.want(seen.node, at: now.monotonic)
        }
        let before = known[seen.node, default: VersionVector()][name]
        assert(seen.upTo <= vector[name], "a watermark is ahead of this node's own writes")
        known[seen.node, default: VersionVector()][name] = seen.upTo
        known[seen.node, default: VersionVector()][seen.node] = seen.own
        if seen.upTo > before { effects.append(.seen(by: seen.node, upTo: seen.upTo)) }
    }

    /// Another node is known to have all this on its disk.
    mutating func learn(_ theirs: VersionVector, of node: String, isWhole: Bool = false) {
        let before = known[node, default: VersionVector()][name]
        if isWhole { known[node] = theirs } else { known[node, default: VersionVector()].merge(theirs) }
        let after = min(theirs[name], vector[name])
        if after > before { effects.append(.seen(by: node, upTo: after)) }
    }

    func jitter(_ limit: Duration, using random: inout some RandomNumberGenerator) -> Duration {
        .nanoseconds(Int64.random(in: 0...max(limit.wholeNanoseconds, 0), using: &random))
    }
}
