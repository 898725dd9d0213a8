/// What is to be done to what is on the disk; ``StoreMachine/begin(_:now:)`` makes a transaction of one or more.
package enum StoreInput: Sendable, Hashable {
    /// Somebody here wants this written, all or nothing.
    case write([StoreChange])
    /// Another node gave these directly.
    case take([StoreEntry])
    /// Somebody says that these, which were put aside, should count: they are written anew here, after all that is held.
    case accept([StoreEntry])
    /// Somebody says that these, which were put aside, should not.
    case drop([StoreEntry])

    // The rest comes in ``StoreEffect/store(_:)`` and from a ``StoreExchange``.

    /// Gossip brought them.
    case fresh(StoreRun)
    /// An exchange brought them, from somebody who has not seen tombstones up to this stamp that are forgotten here.
    case exchanged([StoreEntry], missedByPeer: StoreStamp?)
    /// An exchange has brought everything.
    case caughtUp(StoreCatchUp)
    /// These tombstones are to be forgotten.
    case purge([StoreEntry])
    case members([StoreMember])
    case forget(String)
}

/// What a node that has got all entries of another takes over from it.
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

/// What is to be put on the disk at once. It is decided, and not yet so: ``StoreMachine/commit(_:now:using:)`` makes it so.
package struct StoreTransaction: Sendable {
    /// In the order of their keys; each takes the place of what is there.
    package var upserts: [StoreEntry] {
        entries.values.compactMap { $0 }.sorted { $0.key < $1.key }
    }

    /// Nothing is to be under these any more, not even a tombstone.
    package var removals: [StoreKey] { entries.filter { $0.value == nil }.keys.sorted() }

    /// By origin, those that changed.
    package internal(set) var vector: [String: StoreStamp] = [:]
    package internal(set) var purged: [String: StoreStamp] = [:]
    /// Those that changed; nil is to be forgotten.
    package internal(set) var members: [String: StoreMember?] = [:]
    /// New ones.
    package internal(set) var quarantined: [StoreQuarantined] = []
    /// These are put aside no more.
    package internal(set) var released: [StoreQuarantined] = []
    /// One for each ``StoreInput/write(_:)`` and ``StoreInput/accept(_:)``, in their order: what is written once this is on
    /// the disk.
    package internal(set) var written: [Result<[StoreEntry], StoreError>] = []

    /// Whether there is nothing to put on the disk. It is to be committed all the same.
    package var isEmpty: Bool {
        entries.isEmpty && vector.isEmpty && purged.isEmpty && members.isEmpty && quarantined.isEmpty
            && released.isEmpty
    }

    /// What is different; nil is gone.
    var entries: [StoreKey: StoreEntry?] = [:]
    /// What was removed, as tombstones, for those who look on.
    var removed: [StoreEntry] = []
    /// What is written here, all of it.
    var own: StoreRun?
    /// Runs that had something new, to be passed on.
    var passedOn: [StoreRun] = []
    /// Runs that came before those that they follow.
    var late: [StoreRun] = []
    /// Up to where there is something that is not held.
    var ahead: [String: StoreStamp] = [:]
    var learnt: [StoreEntry] = []
    var counters = StoreCounters()
}
