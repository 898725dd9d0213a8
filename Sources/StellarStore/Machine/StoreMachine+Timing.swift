package import StellarSystem

/// When what is done: probes, exchanges, telling origins what is here, looking for old tombstones.
extension StoreMachine {
    /// When ``advance(now:using:)`` is wanted. A node alone has nothing to do but to purge.
    package var deadline: MonotonicTime {
        guard !present.isEmpty else { return nextPurge }
        var earliest = min(nextPurge, nextProbe)
        if let due = plan.due { earliest = min(earliest, due) }
        if let due = seenDue.values.min() { earliest = min(earliest, due) }
        if let watched { earliest = min(earliest, watched.at) }
        return earliest
    }

    /// Does what is due.
    package mutating func advance(now: StoreTime, using random: inout some RandomNumberGenerator) {
        if now.monotonic >= nextPurge { proposePurge(now: now) }
        guard !present.isEmpty else { return }
        tellSeen(now: now)
        resend(now: now, using: &random)
        if now.monotonic >= nextProbe { probe(now: now, using: &random) }
        guard let wanted = plan.take(now: now.monotonic), !wanted.isForGap || isBehind,
            let peer = wanted.peer.flatMap({ present.contains($0) ? $0 : nil }) ?? present.randomElement(using: &random)
        else { return }
        plan.began(with: peer, next: now.monotonic + configuration.exchangeInterval)
        effects.append(.exchange(with: peer, isFull: wanted.isFull))
    }

    private mutating func tellSeen(now: StoreTime) {
        for (node, due) in seenDue.sorted(by: { $0.key < $1.key }) where due <= now.monotonic {
            seenDue[node] = nil
            seenSent[node] = now.monotonic
            seenNumber += 1
            let seen = StoreSeen(node: name, life: life, number: seenNumber, upTo: vector[node], own: vector[name])
            effects.append(.send(StoreMessage.seen(seen).encoded(), to: node))
        }
    }

    private mutating func probe(now: StoreTime, using random: inout some RandomNumberGenerator) {
        // Not all at one moment.
        probeWait = min(probeWait * 2, configuration.probeAtRest)
        nextProbe = now.monotonic + probeWait + jitter(configuration.probeAfterChange, using: &random)
        let target = probeTarget.flatMap { present.contains($0) ? $0 : nil } ?? present.randomElement(using: &random)
        probeTarget = nil
        guard let target else { return }
        counters.probes += 1
        let floor = purged.greatest
        let probe = StoreProbe(
            node: name,
            vector: vector.digest,
            living: contents.digest,
            tombstones: contents.tombstoneDigest(after: floor),
            floor: floor
        )
        effects.append(.send(StoreMessage.probe(probe).encoded(), to: target))
    }

    // MARK: Exchanges

    /// So many exchanges in a row are tried for what is missing.
    private static let maximumGaps = 8

    /// The part of whoever opens the stream, after ``StoreEffect/exchange(with:isFull:)``.
    package func exchange(with peer: String, isFull: Bool) -> StoreExchange {
        StoreExchange(self, peer: peer, isFull: isFull)
    }

    /// The part of whoever was called.
    package func exchange() -> StoreExchange {
        StoreExchange(self, peer: nil, isFull: false)
    }

    /// To be told of every exchange once, however it ended.
    package mutating func exchangeEnded(
        _ exchange: StoreExchange,
        failed: Bool,
        now: StoreTime,
        using random: inout some RandomNumberGenerator
    ) {
        if exchange.isCaller { plan.ended(failed: failed) }
        counters.exchanges += 1
        passOnLearnt()
        guard !failed, let outcome = exchange.outcome else {
            counters.failedExchanges += 1
            guard exchange.isCaller else { return }
            // Another one may be reachable.
            let wait = configuration.exchangeInterval * (1 << min(plan.failures, 10))
            plan.want(nil, at: now.monotonic + min(wait, configuration.longestRetry), isFull: exchange.wantedFull)
            return
        }
        isSynced = true
        // An earlier life may have had more.
        let isWhole = !outcome.theirs.covers(exchange.knownBefore[outcome.peer] ?? VersionVector())
        learn(outcome.both, of: outcome.peer, isWhole: isWhole)
        if outcome.isFull { counters.fullExchanges += 1 }
        if outcome.areEqual {
            if outcome.isFull { plan.fruitless = 0 }
        } else {
            counters.differences += 1
            let wait = outcome.isFull ? configuration.fullInterval * (1 << min(plan.fruitless, 10)) : .zero
            if outcome.isFull { plan.fruitless += 1 }
            let at = now.monotonic + min(wait, configuration.longestFullInterval)
            if exchange.isCaller { plan.want(outcome.peer, at: at, isFull: true) }
        }
        plan.gaps = isBehind ? plan.gaps + 1 : 0
        // Nobody has it any more, or nobody that can be reached: whoever finds it hears of it by probes.
        if plan.gaps >= Self.maximumGaps { ahead = VersionVector() }
        if isBehind { plan.want(nil, at: now.monotonic + configuration.gapPatience, isForGap: true) }
        if exchange.isCaller { nextProbe = min(nextProbe, now.monotonic + configuration.probeAfterChange) }
    }
}
