/// A node for which tombstones wait.
public struct StoreMember: Sendable, Hashable {
    public let name: String
    /// Milliseconds since 1970; nil: it is there, or was when this was put on the disk.
    public var absentSince: UInt64?

    public init(name: String, absentSince: UInt64?) {
        self.name = name
        self.absentSince = absentSince
    }
}

/// Why an entry was put aside.
public enum StoreQuarantineReason: String, Sendable, Hashable, CaseIterable {
    /// Its stamp is beyond ``StoreStamp/latest``.
    case farFuture
    /// Its node was away for so long that nobody can tell any more whether it was deleted since.
    case perhapsDeleted
}

/// An entry that is kept and shown, but not applied.
public struct StoreQuarantined: Sendable, Hashable {
    public let entry: StoreEntry
    public let reason: StoreQuarantineReason

    public init(_ entry: StoreEntry, _ reason: StoreQuarantineReason) {
        self.entry = entry
        self.reason = reason
    }
}

/// All that is on a node's disk.
public struct StoreImage: Sendable, Hashable {
    public var entries: [StoreEntry]
    public var vector: VersionVector
    /// By origin, up to which stamp some of its tombstones may be forgotten here.
    public var purged: VersionVector
    public var members: [StoreMember]
    public var quarantined: [StoreQuarantined]

    public init(
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
