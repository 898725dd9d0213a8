/// Decides what a transaction applies. Only the clock changes here: what cannot be written to the disk did not happen.
extension StoreMachine {
    /// Decides about inputs, in their order.
    package mutating func begin(_ inputs: [StoreInput], now: StoreTime) -> StoreTransaction {
        var transaction = StoreTransaction()
        for input in inputs {
            switch input {
            case .write(let changes): transaction.written.append(write(changes, &transaction, now: now))
            case .take(let entries): for entry in entries { take(entry, &transaction) }
            case .accept(let entries): transaction.written.append(accept(entries, &transaction, now: now))
            case .drop(let entries): release(&transaction) { entries.contains($0.entry) }
            case .fresh(let run): take(run, &transaction)
            case .exchanged(let entries, let missed):
                for entry in entries {
                    let verdict = take(entry, &transaction, missedBySender: missed, isExchange: true)
                    if verdict == .taken { transaction.learnt.append(entry) }
                }
            case .caughtUp(let result): catchUp(result, &transaction, now: now)
            case .purge(let tombstones): purge(tombstones, &transaction, now: now)
            case .members(let changed): for member in changed { transaction.members[member.name] = member }
            case .forget(let node): if !alive.contains(node) { transaction.members[node] = .some(nil) }
            }
        }
        trimQuarantine(&transaction)
        return transaction
    }

    // MARK: Through the transaction

    private func held(_ key: StoreKey, _ transaction: StoreTransaction) -> StoreEntry? {
        transaction.entries[key] ?? contents[key]
    }

    private func upTo(_ origin: String, _ transaction: StoreTransaction) -> StoreStamp {
        transaction.vector[origin] ?? vector[origin]
    }

    private func put(_ entry: StoreEntry, _ transaction: inout StoreTransaction) {
        transaction.entries[entry.key] = .some(entry)
        transaction.greatest = max(transaction.greatest, entry.stamp)
        transaction.counters.applied += 1
        // A quarantined entry that is now known to be good, or that would not count any more.
        release(&transaction) { item in
            item.entry.key == entry.key && (item.entry == entry || entry.supersedes(item.entry))
        }
    }

    /// Advances the vector, also over late runs that follow now.
    private func advance(_ origin: String, to stamp: StoreStamp, _ transaction: inout StoreTransaction) {
        var reached = max(upTo(origin, transaction), stamp)
        let waiting = (late[origin] ?? []) + transaction.late.filter { $0.origin == origin }.map { LateRun($0) }
        for run in waiting.sorted(by: { $0.previous < $1.previous }) where run.previous <= reached {
            reached = max(reached, run.upTo)
        }
        if reached > vector[origin] { transaction.vector[origin] = reached }
        transaction.greatest = max(transaction.greatest, reached)
    }

    // MARK: Own writes

    private mutating func write(
        _ changes: [StoreChange],
        _ transaction: inout StoreTransaction,
        now: StoreTime
    ) -> Result<[StoreEntry], StoreError> {
        guard !changes.isEmpty else { return .success([]) }
        do throws(StoreError) {
            for change in changes { try change.check() }
            guard contents.count + transaction.entries.count + changes.count <= StoreLimits.entries else { throw .full }
            clock.observe(transaction.greatest)
            var entries: [StoreEntry] = []
            for change in changes {
                guard let stamp = clock.next(now: now) else { throw .clock }
                entries.append(StoreEntry(change.key, change.value, stamp: stamp, origin: name))
            }
            // The clock is ahead of all that is held and in the transaction: these win.
            for entry in entries { put(entry, &transaction) }
            if let last = entries.last?.stamp {
                if transaction.own == nil {
                    let previous = upTo(name, transaction)
                    transaction.own = StoreRun(origin: name, previous: previous, upTo: previous, entries: [])
                }
                transaction.own?.entries += entries
                transaction.own?.upTo = last
                transaction.vector[name] = last
            }
            return .success(entries)
        } catch {
            return .failure(error)
        }
    }

    // MARK: What others wrote

    /// Applies one entry, if it is newer than what is held.
    ///
    /// The difficult case is a key under which nothing is held: the entry is new, or it was deleted and the tombstone is
    /// forgotten. In an exchange the sender has reported its vector. If it has seen all tombstones that are forgotten here
    /// (`missedBySender` is nil), the entry is alive. If it has not seen those up to `missedBySender`, then a later entry is
    /// alive; one that the vector covers was here once and is deleted; and any other was written by a node that was lost for
    /// so long that no tombstone waited for it. Such an entry is quarantined: nothing shows whether it was deleted.
    ///
    /// - Parameter isExchange: Whether an exchange brought it. Of a sender in gossip nothing is known, so an exchange decides.
    @discardableResult
    private func take(
        _ entry: StoreEntry,
        _ transaction: inout StoreTransaction,
        missedBySender missed: StoreStamp? = nil,
        isExchange: Bool = false
    ) -> Verdict {
        guard entry.stamp < .latest else {
            quarantine(entry, .farFuture, &transaction)
            return .quarantined
        }
        if let held = held(entry.key, transaction) {
            guard entry.supersedes(held) else {
                transaction.counters.stale += 1
                return .stale
            }
        } else {
            let doubt = isExchange ? missed : max(purged.greatest, transaction.purged.values.max() ?? .zero)
            if let doubt, entry.stamp <= doubt {
                if upTo(entry.origin, transaction) >= entry.stamp {
                    transaction.counters.stale += 1
                    return .stale
                }
                // A delete of a key that is not here does no harm.
                guard !entry.isTombstone else {
                    put(entry, &transaction)
                    return .taken
                }
                guard isExchange else {
                    transaction.ahead[entry.origin] = max(transaction.ahead[entry.origin] ?? .zero, entry.stamp)
                    return .doubtful
                }
                quarantine(entry, .perhapsDeleted, &transaction)
                return .quarantined
            }
        }
        put(entry, &transaction)
        return .taken
    }

    private enum Verdict {
        case taken
        case stale
        case quarantined
        /// An exchange has to decide.
        case doubtful
    }

    private func take(_ run: StoreRun, _ transaction: inout StoreTransaction) {
        let verdicts = run.entries.map { take($0, &transaction) }
        guard run.upTo < .latest else { return }
        var isNew = verdicts.contains(.taken)
        let reached = upTo(run.origin, transaction)
        if run.upTo > reached {
            let isWhole = !verdicts.contains(.doubtful)
            if isWhole, run.previous <= reached {
                advance(run.origin, to: run.upTo, &transaction)
                isNew = true
            } else {
                transaction.counters.gaps += 1
                transaction.ahead[run.origin] = max(transaction.ahead[run.origin] ?? .zero, run.upTo)
                if isWhole { transaction.late.append(run) }
            }
        }
        if isNew { transaction.passedOn.append(run) }
    }

    private func catchUp(_ result: StoreCatchUp, _ transaction: inout StoreTransaction, now: StoreTime) {
        if let snapshot = result.snapshot { apply(snapshot, result.vector, &transaction) }
        for (origin, stamp) in result.vector.all where stamp < .latest && stamp > upTo(origin, transaction) {
            advance(origin, to: stamp, &transaction)
        }
        let today = clock.milliseconds(now: now)
        for member in result.members where member.name != name {
            guard members[member.name] == nil, transaction.members[member.name] == nil else { continue }
            let absent = alive.contains(member.name) ? nil : min(member.lostSince ?? today, today)
            transaction.members[member.name] = StoreMember(name: member.name, lostSince: absent)
        }
    }

    /// Applies a snapshot. An entry that the other node covers and does not hold was deleted, by a tombstone that is forgotten
    /// there. One that it neither covers nor holds may have been deleted.
    private func apply(
        _ snapshot: StoreCatchUp.Snapshot,
        _ theirs: VersionVector,
        _ transaction: inout StoreTransaction
    ) {
        for entry in contents.allLiving.sorted(by: { $0.key < $1.key }) where entry.stamp <= snapshot.missed {
            guard !snapshot.keys.contains(entry.key), held(entry.key, transaction) == entry else { continue }
            transaction.entries[entry.key] = .some(nil)
            transaction.removed.append(StoreEntry(entry.key, nil, stamp: entry.stamp, origin: entry.origin))
            if !theirs.covers(entry) { quarantine(entry, .perhapsDeleted, &transaction) }
        }
        for (origin, stamp) in snapshot.purged.all where stamp > purged[origin] && stamp < .latest {
            transaction.purged[origin] = max(transaction.purged[origin] ?? .zero, stamp)
        }
    }

    // MARK: Quarantine

    /// - Returns: what was written; entries that are not quarantined any more are left out.
    private mutating func accept(
        _ entries: [StoreEntry],
        _ transaction: inout StoreTransaction,
        now: StoreTime
    ) -> Result<[StoreEntry], StoreError> {
        let released = Set(transaction.released)
        let accepted = quarantined.filter { !released.contains($0) && entries.contains($0.entry) }.map(\.entry)
        // Of two under one key the later one counts, as ever.
        let inOrder = accepted.sorted { $1.supersedes($0) }
        let outcome = write(inOrder.map { StoreChange($0.key, $0.value) }, &transaction, now: now)
        if case .success = outcome { release(&transaction) { accepted.contains($0.entry) } }
        return outcome
    }

    private func quarantine(
        _ entry: StoreEntry,
        _ reason: StoreQuarantineReason,
        _ transaction: inout StoreTransaction
    ) {
        let item = StoreQuarantined(entry, reason)
        guard !quarantined.contains(item), !transaction.quarantined.contains(item) else { return }
        transaction.quarantined.append(item)
        transaction.counters.quarantined += 1
    }

    private func release(_ transaction: inout StoreTransaction, where condition: (StoreQuarantined) -> Bool) {
        transaction.quarantined.removeAll(where: condition)
        for item in quarantined where condition(item) && !transaction.released.contains(item) {
            transaction.released.append(item)
        }
    }

    /// The earliest go first.
    private func trimQuarantine(_ transaction: inout StoreTransaction) {
        guard !transaction.quarantined.isEmpty else { return }
        let released = Set(transaction.released)
        let all = quarantined.filter { !released.contains($0) } + transaction.quarantined
        var (count, bytes) = (0, 0)
        for item in all.reversed() {
            count += 1
            bytes += item.entry.encodedBytes
            guard count > StoreLimits.quarantined || bytes > StoreLimits.quarantinedBytes else { continue }
            if let index = transaction.quarantined.firstIndex(of: item) {
                transaction.quarantined.remove(at: index)
            } else {
                transaction.released.append(item)
            }
        }
    }
}

extension StoreMachine.LateRun {
    init(_ run: StoreRun) { self.init(previous: run.previous, upTo: run.upTo) }
}
