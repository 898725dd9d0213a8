/// A change to the store; ``StoreMachine/begin(_:now:)`` makes a transaction of one or more.
package enum StoreInput: Sendable, Hashable {
    /// A client of this node writes these, all or nothing.
    case write([StoreChange])
    /// Another node sent these directly.
    case take([StoreEntry])
    /// A person accepts these quarantined entries: this node writes them again, with stamps after all that is held.
    case accept([StoreEntry])
    /// A person drops these quarantined entries.
    case drop([StoreEntry])

    // The rest comes in ``StoreEffect/store(_:)`` and from a ``StoreExchange``.

    /// Gossip brought them.
    case fresh(StoreRun)
    /// An exchange brought them, from a node that has not seen tombstones up to this stamp that are forgotten here.
    case exchanged([StoreEntry], missedByPeer: StoreStamp?)
    /// An exchange has brought all entries.
    case caughtUp(StoreCatchUp)
    /// These tombstones are to be forgotten.
    case purge([StoreEntry])
    case members([StoreMember])
    case forget(String)
}

/// What a node that has all entries of another one applies besides them.
package struct StoreCatchUp: Sendable, Hashable {
    var vector: VersionVector
    var members: [StoreMember]
    /// Where the other node forgot tombstones that this one has not seen.
    var snapshot: Snapshot?

    struct Snapshot: Sendable, Hashable {
        var purged: VersionVector
        /// The greatest of those tombstones.
        var missed: StoreStamp
        /// What the other node holds.
        var keys: Set<StoreKey>
    }
}

/// What is written to the disk at once. ``StoreMachine/commit(_:now:)`` applies it to the machine when it is on the disk.
package struct StoreTransaction: Sendable {
    /// In the order of their keys; each replaces what is under its key.
    package var upserts: [StoreEntry] {
        entries.values.compactMap { $0 }.sorted { $0.key < $1.key }
    }

    /// Keys to be removed, with their tombstones.
    package var removals: [StoreKey] { entries.filter { $0.value == nil }.keys.sorted() }

    /// By origin, those that changed.
    package internal(set) var vector: [String: StoreStamp] = [:]
    package internal(set) var purged: [String: StoreStamp] = [:]
    /// Those that changed; nil is forgotten.
    package internal(set) var members: [String: StoreMember?] = [:]
    /// New ones.
    package internal(set) var quarantined: [StoreQuarantined] = []
    /// These are not quarantined any more.
    package internal(set) var released: [StoreQuarantined] = []
    /// One for each ``StoreInput/write(_:)`` and ``StoreInput/accept(_:)``, in their order: what is written once this is on
    /// the disk.
    package internal(set) var written: [Result<[StoreEntry], StoreError>] = []

    /// Whether there is nothing to write to the disk. Such a transaction is committed, too.
    package var isEmpty: Bool {
        entries.isEmpty && vector.isEmpty && purged.isEmpty && members.isEmpty && quarantined.isEmpty
            && released.isEmpty
    }

    /// Keys that change; nil is removed.
    var entries: [StoreKey: StoreEntry?] = [:]
    /// What was removed, as tombstones, for readers of changes.
    var removed: [StoreEntry] = []
    /// All that this node writes in it.
    var own: StoreRun?
    /// Runs that had something new, to be passed on.
    var passedOn: [StoreRun] = []
    /// Runs that came before the runs that they follow.
    var late: [StoreRun] = []
    /// By origin, up to which stamp writes exist that are not held.
    var ahead: [String: StoreStamp] = [:]
    var learnt: [StoreEntry] = []
    /// The greatest stamp that it applies: a write that comes later in it has to be later.
    var greatest = StoreStamp.zero
    var counters = StoreCounters()
}
