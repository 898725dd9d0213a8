package import StellarSystem

/// What is due when: probes, exchanges, reports to origins, the purge of tombstones.
extension StoreMachine {
    /// When ``advance(now:using:)`` is due. A node that is alone only purges.
    package var deadline: MonotonicTime {
        guard !alive.isEmpty else { return nextPurge }
        var earliest = min(nextPurge, nextProbe)
        if let due = plan.due { earliest = min(earliest, due) }
        if let due = seenDue.values.min() { earliest = min(earliest, due) }
        if let watched { earliest = min(earliest, watched.at) }
        return earliest
    }

    /// Does what is due.
    package mutating func advance(now: StoreTime, using random: inout some RandomNumberGenerator) {
        if now.monotonic >= nextPurge { proposePurge(now: now) }
        guard !alive.isEmpty else { return }
        reportSeen(now: now)
        resend(now: now, using: &random)
        if now.monotonic >= nextProbe { probe(now: now, using: &random) }
        guard let wanted = plan.take(now: now.monotonic), !wanted.isForGap || isBehind,
            let peer = wanted.peer.flatMap({ alive.contains($0) ? $0 : nil }) ?? alive.randomElement(using: &random)
        else { return }
        plan.began(with: peer, next: now.monotonic + configuration.exchangeInterval)
        effects.append(.exchange(with: peer, isFull: wanted.isFull))
    }

    private mutating func reportSeen(now: StoreTime) {
        for (node, due) in seenDue.sorted(by: { $0.key < $1.key }) where due <= now.monotonic {
            seenDue[node] = nil
            seenSent[node] = now.monotonic
            seenNumber += 1
            let seen = StoreSeen(node: name, life: life, number: seenNumber, upTo: vector[node], own: vector[name])
            effects.append(.send(StoreMessage.seen(seen).encoded(), to: node))
        }
    }

    private mutating func probe(now: StoreTime, using random: inout some RandomNumberGenerator) {
        // At a random moment, so that nodes do not probe in step.
        probeWait = min(probeWait * 2, configuration.probeAtRest)
        nextProbe = now.monotonic + probeWait + jitter(configuration.probeAfterChange, using: &random)
        let target = probeTarget.flatMap { alive.contains($0) ? $0 : nil } ?? alive.randomElement(using: &random)
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

    /// Exchanges in a row that are made for missing writes.
    private static let maximumGaps = 8

    /// The caller's part of an exchange, after ``StoreEffect/exchange(with:isFull:)``.
    package func exchange(with peer: String, isFull: Bool) -> StoreExchange {
        StoreExchange(self, peer: peer, isFull: isFull)
    }

    /// The called node's part of an exchange.
    package func exchange() -> StoreExchange {
        StoreExchange(self, peer: nil, isFull: false)
    }

    /// Ends an exchange; called once for each, whether or not it failed.
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
        // The peer may have lost a part of its disk: an earlier life of it had more.
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
        // No reachable node has the missing writes. Should one appear, probes find it.
        if plan.gaps >= Self.maximumGaps { ahead = VersionVector() }
        if isBehind { plan.want(nil, at: now.monotonic + configuration.gapPatience, isForGap: true) }
        if exchange.isCaller { nextProbe = min(nextProbe, now.monotonic + configuration.probeAfterChange) }
    }
}
