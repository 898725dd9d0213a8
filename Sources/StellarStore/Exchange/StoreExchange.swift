/// One comparison of two nodes, on a stream: afterwards both have what either had when it began.
///
/// Only one of the two sends at a time, so that neither waits for the other to read:
///
///     caller   hello                                      entries…  end
///     called          hello  entries…  end                               done
///
/// Each node sends every entry that the other's vector does not cover, from one copy of its state; so the other may apply
/// its vector. A node that has forgotten tombstones that the other has not seen sends all that it has, and the other removes
/// the rest (``StoreCatchUp/Snapshot``). At the end each has a sum of what both together have, by its own count; if the sums
/// differ, one of the two does not have what its vector says, and everything is exchanged.
package struct StoreExchange: Sendable {
    /// Bytes of a message, at most.
    package static let maximumMessageBytes = StoreLimits.exchangeMessage

    package let isCaller: Bool
    let wantedFull: Bool
    private let name: String
    private let contents: StoreContents
    private let vector: VersionVector
    private let purged: VersionVector
    private let members: [StoreMember]
    let knownBefore: [String: VersionVector]

    private var state = State.greeting
    private var theirs: StoreExchangeMessage.Hello?
    private var toSend: ArraySlice<StoreEntry> = []
    private var keys: Set<StoreKey> = []
    /// The sum of what both have, as far as it is known here: live entries, and the tombstones that neither can have forgotten.
    private var digest: UInt64
    private var floor = StoreStamp.zero
    private(set) var outcome: Outcome?

    private enum State: Sendable {
        /// Waits for the other's hello.
        case greeting
        /// Waits for its entries.
        case receiving
        /// All its entries are here, and are written to the disk.
        case storing
        case sending
        /// The caller waits for done.
        case closing
        case over
    }

    struct Outcome: Sendable {
        var peer: String
        /// The other's vector at the beginning.
        var theirs: VersionVector
        var both: VersionVector
        var isFull: Bool
        var areEqual: Bool
    }

    init(_ machine: StoreMachine, peer: String?, isFull: Bool) {
        isCaller = peer != nil
        wantedFull = isFull
        name = machine.name
        contents = machine.contents
        vector = machine.vector
        purged = machine.purged
        members = machine.members.values.sorted { $0.name < $1.name }
        knownBefore = machine.known
        digest = machine.contents.digest
    }

    /// The other node's name, after its hello.
    package var peer: String? { theirs?.node }

    // MARK: Events

    /// The stream is open.
    package mutating func start() -> [StoreExchangeEffect] {
        isCaller ? [send(hello)] : []
    }

    /// A message came.
    ///
    /// - Throws: where it cannot be decoded, or cannot come now: the exchange has failed.
    package mutating func receive(_ bytes: some Collection<UInt8>) throws(StoreWireError) -> [StoreExchangeEffect] {
        switch (state, try StoreExchangeMessage(bytes)) {
        case (.greeting, .hello(let theirs)):
            self.theirs = theirs
            floor = max(purged.greatest, theirs.purged.greatest)
            digest &+= contents.tombstoneDigest(after: floor)
            if isCaller {
                state = .receiving
                return []
            }
            return [send(hello)] + beginSending()
        case (.receiving, .entries(let entries)):
            return [.store(take(entries))]
        case (.receiving, .end(let digest)):
            guard let theirs else { throw .wrongType }
            state = .storing
            forgetDeleted()
            if !isCaller { conclude(isEqual: digest == self.digest) }
            let snapshot = missedHere.map { missed in
                StoreCatchUp.Snapshot(purged: theirs.purged, missed: missed, keys: keys)
            }
            let result = StoreCatchUp(vector: theirs.vector, members: theirs.members, snapshot: snapshot)
            return [.store(.caughtUp(result))]
        case (.closing, .done(let digest)):
            conclude(isEqual: digest == self.digest)
            state = .over
            return [.finished]
        default: throw .wrongType
        }
    }

    /// What came in the last ``StoreExchangeEffect/store(_:)`` is on the disk.
    package mutating func stored() -> [StoreExchangeEffect] {
        guard state == .storing else { return [] }
        if isCaller { return beginSending() }
        state = .over
        return [send(.done(digest)), .finished]
    }

    /// All before ``StoreExchangeEffect/more`` was sent.
    package mutating func next() -> [StoreExchangeEffect] {
        guard state == .sending else { return [] }
        var batch: [StoreEntry] = []
        var bytes = 0
        while let entry = toSend.first, batch.isEmpty || bytes + entry.encodedBytes <= StoreLimits.exchangeBatch {
            bytes += entry.encodedBytes
            batch.append(entry)
            toSend.removeFirst()
        }
        if !batch.isEmpty { return [send(.entries(batch)), .more] }
        state = isCaller ? .closing : .receiving
        return [send(.end(isCaller ? digest : 0))]
    }

    // MARK: What follows

    private var hello: StoreExchangeMessage {
        .hello(
            StoreExchangeMessage.Hello(
                node: name,
                isFull: wantedFull,
                vector: vector,
                purged: purged,
                members: members
            )
        )
    }

    private func send(_ message: StoreExchangeMessage) -> StoreExchangeEffect { .send(message.encoded()) }

    private var isFull: Bool { wantedFull || theirs?.isFull ?? false }

    /// The greatest tombstone that is forgotten here and that the other has not seen, and the reverse.
    private var missedThere: StoreStamp? { theirs.flatMap { purged.greatest(missedBy: $0.vector) } }
    private var missedHere: StoreStamp? { theirs.flatMap { $0.purged.greatest(missedBy: vector) } }

    private mutating func beginSending() -> [StoreExchangeEffect] {
        guard let theirs else { return [] }
        state = .sending
        let all = isFull || missedThere != nil ? contents.all : contents.entries(beyond: theirs.vector)
        toSend = all[...]
        return [.more]
    }

    private mutating func take(_ entries: [StoreEntry]) -> StoreInput {
        let missed = missedThere
        for entry in entries {
            keys.insert(entry.key)
            guard entry.stamp < .latest else { continue }
            if let held = contents[entry.key] {
                guard entry.supersedes(held) else { continue }
                digest &-= counted(held)
            } else if let missed, entry.stamp <= missed {
                continue
            }
            digest &+= counted(entry)
        }
        return .exchanged(entries, missedByPeer: missed)
    }

    private func counted(_ entry: StoreEntry) -> UInt64 {
        entry.isTombstone && entry.stamp <= floor ? 0 : entry.digest
    }

    /// Removes from the sum what the other node has deleted and forgotten.
    private mutating func forgetDeleted() {
        guard let missed = missedHere else { return }
        for entry in contents.allLiving where entry.stamp <= missed && !keys.contains(entry.key) {
            digest &-= entry.digest
        }
    }

    private mutating func conclude(isEqual: Bool) {
        guard let theirs else { return }
        var both = vector
        both.merge(theirs.vector)
        outcome = Outcome(
            peer: theirs.node,
            theirs: theirs.vector,
            both: both,
            isFull: isFull || missedHere != nil || missedThere != nil,
            areEqual: isEqual
        )
    }
}

/// What an exchange wants done, in order.
package enum StoreExchangeEffect: Sendable, Hashable {
    case send([UInt8])
    /// Goes into a transaction; once that is committed, ``StoreExchange/stored()``. No message is given to it before.
    case store(StoreInput)
    /// Once what was before it is sent: ``StoreExchange/next()``.
    case more
    /// The exchange is over: ``StoreMachine/exchangeEnded(_:failed:now:using:)``.
    case finished
}
