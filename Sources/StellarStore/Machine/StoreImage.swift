/// A node for which tombstones wait.
package struct StoreMember: Sendable, Hashable {
    package let name: String
    /// Since when it is dead or left, in milliseconds since 1970; nil: it is alive, or was when this was written.
    package var lostSince: UInt64?

    package init(name: String, lostSince: UInt64?) {
        self.name = name
        self.lostSince = lostSince
    }
}

/// Why an entry was quarantined.
package enum StoreQuarantineReason: String, Sendable, Hashable, CaseIterable {
    /// Its stamp is beyond ``StoreStamp/latest``.
    case farFuture
    /// Its origin was lost for so long that nothing shows any more whether it was deleted since.
    case perhapsDeleted
}

/// An entry that is kept and shown, but not applied.
package struct StoreQuarantined: Sendable, Hashable {
    package let entry: StoreEntry
    package let reason: StoreQuarantineReason

    package init(_ entry: StoreEntry, _ reason: StoreQuarantineReason) {
        self.entry = entry
        self.reason = reason
    }
}

/// All that a node has on its disk.
package struct StoreImage: Sendable, Hashable {
    package var entries: [StoreEntry]
    package var vector: VersionVector
    /// By origin, up to which stamp some of its tombstones may be forgotten here.
    package var purged: VersionVector
    package var members: [StoreMember]
    package var quarantined: [StoreQuarantined]

    package init(
        entries: [StoreEntry] = [],
        vector: VersionVector = VersionVector(),
        purged: VersionVector = VersionVector(),
        members: [StoreMember] = [],
        quarantined: [StoreQuarantined] = []
    ) {
        self.entries = entries
        self.vector = vector
        self.purged = purged
        self.members = members
        self.quarantined = quarantined
    }
}
