/// What came, and what became of it. Counts only grow.
public struct StoreCounters: Sendable, Hashable {
    /// Entries that took the place of what was there.
    public var applied = 0
    /// Entries that were older than what was there, or deleted since.
    public var stale = 0
    /// Runs that came before those that they follow.
    public var gaps = 0
    public var quarantined = 0
    public var purged = 0
    /// Messages that nobody could read.
    public var unreadable = 0
    public var exchanges = 0
    public var failedExchanges = 0
    /// Exchanges of everything.
    public var fullExchanges = 0
    /// Exchanges after which the two nodes were not equal.
    public var differences = 0
    public var probes = 0
    /// How often own writes were sent to somebody whom gossip had not brought them.
    public var resent = 0

    static func += (left: inout StoreCounters, right: StoreCounters) {
        left.applied += right.applied
        left.stale += right.stale
        left.gaps += right.gaps
        left.quarantined += right.quarantined
        left.purged += right.purged
    }
}
