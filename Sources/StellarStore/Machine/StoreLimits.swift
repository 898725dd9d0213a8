/// What the store takes, at most.
package enum StoreLimits {
    /// Bytes of a bucket's name: they are names of services.
    package static let bucket = 255
    /// Bytes of a key: two names of 253, and room.
    package static let key = 1 << 10
    /// Bytes of a value. An app of hundreds of services has a tenth of it.
    package static let value = 1 << 20
    /// Keys, those of tombstones with them. All of them are in memory: made for thousands.
    package static let entries = 1 << 20
    /// What was put aside and waits for somebody to look at it; beyond that the earliest goes.
    package static let quarantined = 1024
    /// Bytes of what is put aside.
    package static let quarantinedBytes = 16 << 20
    /// Nodes that ever wrote: as many as there may be members.
    package static let origins = 65_536
    /// Bytes of one message of an exchange: a value, or all vectors of the most nodes.
    package static let exchangeMessage = 4 << 20
    /// Bytes of entries in one of them, unless one alone has more: what is put on the disk at once, and what a slow peer
    /// has us keep.
    static let exchangeBatch = 256 << 10
    /// Runs of one origin that arrived before those that they follow. Beyond it the exchange brings them.
    static let lateRuns = 1024
    /// Entries learnt in an exchange that are considered to be passed on; they have to fit one message anyway.
    static let learnt = 64
    /// Origins told of in one notice.
    static let noticed = 16
}

/// How the store keeps its copies alike. All nodes should have the same; ages are in the time of stamps.
package struct StoreConfiguration: Sendable, Hashable {
    /// Bytes of a message of fresh entries: with what encryption, a label and a checksum add, it fits a datagram of 1400.
    package var gossipBytes = 1024
    /// From a write until those that have not said that they have it are sent it directly, and between two such rounds. By
    /// then gossip has brought it to nearly all of thirty nodes.
    package var resendAfter = Duration.milliseconds(600)
    /// From a change until it is compared whether another node has it as well; twice as long until the next time, and so on
    /// up to ``probeAtRest``.
    package var probeAfterChange = Duration.seconds(1)
    /// The same, where nothing changes: a hundred bytes, and what keeps two nodes from staying different for any reason.
    package var probeAtRest = Duration.seconds(15)
    /// How long gossip has to bring what is missing, before another node is asked for it.
    package var gapPatience = Duration.milliseconds(500)
    /// Between the beginnings of two exchanges of a node: at a thousand writes a second each brings about a thousand.
    package var exchangeInterval = Duration.seconds(1)
    /// Doubled with each failure in a row, up to this.
    package var longestRetry = Duration.seconds(30)
    /// Between two exchanges of everything, doubled with each that did not make the two nodes equal, up to
    /// ``longestFullInterval``: such a thing is a bug, and must not cost more than this.
    package var fullInterval = Duration.seconds(5)
    package var longestFullInterval = Duration.seconds(600)
    /// Between two messages to an origin that tell up to where this node has its writes.
    package var seenInterval = Duration.milliseconds(300)
    /// How old a tombstone is at least before it is forgotten. For a node that comes back with a disk of yesterday deletes
    /// are then deletes, and it needs no exchange of everything.
    package var tombstoneAge = Duration.seconds(24 * 3600)
    /// How long a member may be away and still be waited for by tombstones. One that comes back later is told everything,
    /// and what it alone wrote before is put aside where it could have been deleted.
    package var absenceLimit = Duration.seconds(30 * 24 * 3600)
    /// How often it is looked for tombstones that can be forgotten.
    package var purgeInterval = Duration.seconds(600)

    package init() {}
}
