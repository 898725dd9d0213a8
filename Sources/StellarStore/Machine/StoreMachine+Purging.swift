import StellarSystem

/// Forgetting tombstones, once nobody can bring back what they deleted.
///
/// A tombstone is forgotten when it is old enough (``StoreConfiguration/tombstoneAge``) and each member that counts is known
/// to have it on its disk, and this node has all that the member had written by then. Whatever a member writes later is
/// later than the tombstone, as its clock has seen it. So what is earlier than a forgotten tombstone, and not covered by
/// the vector, can only come from a node that did not count: see `take` in `+Deciding`.
extension StoreMachine {
    /// Members that are waited for.
    private func waitedFor(now: StoreTime) -> [String] {
        let today = clock.milliseconds(now: now)
        let limit = UInt64(max(configuration.absenceLimit.wholeNanoseconds / 1_000_000, 0))
        return members.values
            .filter { member in
                guard let absent = member.absentSince, !present.contains(member.name) else { return true }
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
            // Somebody may have come, or something may have been written, since it was proposed.
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
