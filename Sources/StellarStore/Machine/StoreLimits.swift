/// The limits of what the store takes.
package enum StoreLimits {
    /// Bytes of a bucket's name: they are names of services.
    package static let bucket = 255
    /// Bytes of a key: two names of 253, and room.
    package static let key = 1 << 10
    /// Bytes of a value. An app of hundreds of services has a tenth of it.
    package static let value = 1 << 20
    /// Keys, those of tombstones with them. All of them are in memory: made for thousands.
    package static let entries = 1 << 20
    /// Quarantined entries, which wait for a person to decide; beyond that the earliest is dropped.
    package static let quarantined = 1024
    /// Bytes of quarantined entries.
    package static let quarantinedBytes = 16 << 20
    /// Nodes that ever wrote: as many as gossip has members at most.
    package static let origins = 65_536
    /// Bytes of one message of an exchange: a value, or all vectors of the most nodes.
    package static let exchangeMessage = 4 << 20
    /// Bytes of entries in one of them, unless one entry alone has more: what is written to the disk at once, and kept for a
    /// slow peer.
    static let exchangeBatch = 256 << 10
    /// Runs of one origin that arrived before the runs that they follow. The exchange brings any beyond it.
    static let lateRuns = 1024
    /// Entries from an exchange that may be passed on; they have to fit one message anyway.
    static let learnt = 64
    /// Origins in one notice.
    static let noticed = 16
}

/// How the store keeps its copies the same. All nodes should have the same values; ages are in the time of stamps.
package struct StoreConfiguration: Sendable, Hashable {
    /// Bytes of a message of fresh entries: with what encryption, a label and a checksum add, it fits a datagram of 1400.
    package var gossipBytes = 1024
    /// From a write until it is sent directly to nodes that have not reported it, and between two such rounds. By then
    /// gossip has brought it to nearly all of thirty nodes.
    package var resendAfter = Duration.milliseconds(600)
    /// From a change until the next probe of another node; then twice as long, and so on up to ``probeAtRest``.
    package var probeAfterChange = Duration.seconds(1)
    /// Between two probes while nothing changes. A probe is a hundred bytes, and ensures that no two nodes stay different.
    package var probeAtRest = Duration.seconds(15)
    /// How long gossip has to bring what is missing, before an exchange fetches it.
    package var gapPatience = Duration.milliseconds(500)
    /// Between the beginnings of two exchanges of a node. At a thousand writes a second each brings about a thousand.
    package var exchangeInterval = Duration.seconds(1)
    /// Doubled with each failure in a row, up to this.
    package var longestRetry = Duration.seconds(30)
    /// Between two exchanges of everything, doubled with each that did not make the two nodes equal, up to
    /// ``longestFullInterval``: only a bug causes that, and it must not cost more.
    package var fullInterval = Duration.seconds(5)
    package var longestFullInterval = Duration.seconds(600)
    /// Between two messages that report to an origin up to where this node has its writes.
    package var seenInterval = Duration.milliseconds(300)
    /// The least age of a tombstone that is forgotten. A node that comes back with yesterday's disk still gets the deletes as
    /// deletes, without an exchange of everything.
    package var tombstoneAge = Duration.seconds(24 * 3600)
    /// How long tombstones wait for a member that is dead or left. One that comes back later gets everything, and entries
    /// that it alone wrote before are quarantined where they could have been deleted.
    package var lostMemberLimit = Duration.seconds(30 * 24 * 3600)
    /// Between two searches for tombstones that can be forgotten.
    package var purgeInterval = Duration.seconds(600)

    package init() {}
}
