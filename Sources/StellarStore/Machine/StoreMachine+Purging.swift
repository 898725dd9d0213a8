import StellarSystem

/// Forgets tombstones, once no node can bring back what they deleted.
///
/// A tombstone is forgotten when it is old enough (``StoreConfiguration/tombstoneAge``), each member that counts is known to
/// have it on its disk, and this node has all that the member had written by then. A member's clock has seen the tombstone,
/// so its later writes have later stamps. So an entry that is earlier than a forgotten tombstone, and not covered by the
/// vector, can only come from a node that did not count: see `take` in `+Deciding`.
extension StoreMachine {
    /// The members for which tombstones wait.
    private func waitedFor(now: StoreTime) -> [String] {
        let today = clock.milliseconds(now: now)
        let limit = UInt64(max(configuration.lostMemberLimit.wholeNanoseconds / 1_000_000, 0))
        return members.values
            .filter { member in
                guard let absent = member.lostSince, !alive.contains(member.name) else { return true }
                return today < absent + limit
            }
            .map(\.name).sorted()
    }

    /// Whether a tombstone can be forgotten.
    private func isSeenByAll(_ tombstone: StoreEntry, _ waitedFor: [String], now: StoreTime) -> Bool {
        let age = UInt64(max(configuration.tombstoneAge.wholeNanoseconds / 1_000_000, 0))
        guard tombstone.stamp.milliseconds + age <= clock.milliseconds(now: now), vector.covers(tombstone) else {
            return false
        }
        return waitedFor.allSatisfy { member in
            guard let theirs = known[member] else { return false }
            return theirs.covers(tombstone) && vector[member] >= theirs[member]
        }
    }

    mutating func proposePurge(now: StoreTime) {
        nextPurge = now.monotonic + configuration.purgeInterval
        let waitedFor = waitedFor(now: now)
        let tombstones = contents.tombstones.filter { isSeenByAll($0, waitedFor, now: now) }
        if !tombstones.isEmpty { effects.append(.store(.purge(tombstones))) }
    }

    func purge(_ tombstones: [StoreEntry], _ transaction: inout StoreTransaction, now: StoreTime) {
        let waitedFor = waitedFor(now: now)
        for tombstone in tombstones where tombstone.isTombstone && contents[tombstone.key] == tombstone {
            // A member may have joined, or the key may have been written, since the purge was proposed.
            guard transaction.entries[tombstone.key] == nil, isSeenByAll(tombstone, waitedFor, now: now) else {
                continue
            }
            transaction.entries[tombstone.key] = .some(nil)
            let before = max(purged[tombstone.origin], transaction.purged[tombstone.origin] ?? .zero)
            transaction.purged[tombstone.origin] = max(before, tombstone.stamp)
            transaction.counters.purged += 1
        }
    }
}
