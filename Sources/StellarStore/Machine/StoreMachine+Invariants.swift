/// What holds for every machine, whatever other nodes sent. Debug builds assert it with each commit.
///
/// It costs no more than the transaction that is committed. What takes a look at everything (no vector claims what is not
/// held, digests are those of what is held) is checked in simulation and fuzzing.
extension StoreMachine {
    /// Whether a transaction follows the state before its commit: stamps are possible, vectors only advance, and own writes
    /// follow own writes.
    func follows(_ transaction: StoreTransaction) -> Bool {
        let areStampsPossible = transaction.entries.values.allSatisfy { $0.map { $0.stamp < .latest } ?? true }
        let vectorsAdvance =
            transaction.vector.allSatisfy { $0.value > vector[$0.key] && $0.value < .latest }
            && transaction.purged.allSatisfy { $0.value >= purged[$0.key] }
        guard let own = transaction.own else { return areStampsPossible && vectorsAdvance }
        var last = own.previous
        for entry in own.entries {
            guard entry.origin == name, entry.stamp > last else { return false }
            last = entry.stamp
        }
        return areStampsPossible && vectorsAdvance && own.previous >= vector[name] && own.upTo == last
    }

    /// Whether the state after a commit has what the transaction claims.
    func holds(_ transaction: StoreTransaction) -> Bool {
        // What the vector claims of own writes is held, or a later write of the same key is.
        let areOwnHeld = transaction.own?.entries.allSatisfy { entry in
            contents[entry.key].map { $0 == entry || $0.supersedes(entry) } ?? false
        }
        let claims = transaction.vector.allSatisfy { vector[$0.key] == $0.value && clock.last >= $0.value }
        // Late runs wait in order, and none of them is covered.
        let areLateInOrder = transaction.vector.keys.allSatisfy { origin in
            let runs = late[origin] ?? []
            return runs.allSatisfy { $0.upTo > vector[origin] } && areInOrder(runs.map(\.previous))
        }
        return areOwnHeld ?? true && claims && areLateInOrder && quarantined.count <= StoreLimits.quarantined
    }

    /// Whether the last messages with own writes follow each other.
    var areRecentRunsInOrder: Bool {
        recent.allSatisfy { $0.previous < $0.upTo }
            && zip(recent, recent.dropFirst()).allSatisfy { $0.upTo <= $1.previous }
    }

    func areInOrder(_ stamps: [StoreStamp]) -> Bool { zip(stamps, stamps.dropFirst()).allSatisfy { $0 <= $1 } }
}
