package import StellarStore

/// The contents of one node's disk, changed by whole transactions, as with SQLite.
package struct SimulatedDisk: Sendable, Hashable {
    private var entries: [StoreKey: StoreEntry] = [:]
    package private(set) var vector = VersionVector()
    package private(set) var purged = VersionVector()
    private var members: [String: StoreMember] = [:]
    package private(set) var quarantined: [StoreQuarantined] = []

    package init() {}

    package mutating func apply(_ transaction: StoreTransaction) {
        for entry in transaction.upserts { entries[entry.key] = entry }
        for key in transaction.removals { entries[key] = nil }
        for (origin, stamp) in transaction.vector { vector[origin] = stamp }
        for (origin, stamp) in transaction.purged { purged[origin] = stamp }
        for (name, member) in transaction.members { members[name] = member }
        quarantined.removeAll { transaction.released.contains($0) }
        quarantined += transaction.quarantined
    }

    package subscript(key: StoreKey) -> StoreEntry? { entries[key] }

    package var keys: [StoreKey] { entries.keys.sorted() }

    package var image: StoreImage {
        StoreImage(
            entries: entries.values.sorted { $0.key < $1.key },
            vector: vector,
            purged: purged,
            members: members.values.sorted { $0.name < $1.name },
            quarantined: quarantined
        )
    }
}
