/// Counts of what came, and of its outcome. They only grow.
package struct StoreCounters: Sendable, Hashable {
    /// Entries that replaced what was held.
    package var applied = 0
    /// Entries that were older than what was held, or deleted since.
    package var stale = 0
    /// Runs that came before the runs that they follow.
    package var gaps = 0
    package var quarantined = 0
    package var purged = 0
    /// Messages that could not be decoded.
    package var undecodable = 0
    package var exchanges = 0
    package var failedExchanges = 0
    /// Exchanges of everything.
    package var fullExchanges = 0
    /// Exchanges after which the two nodes were not equal.
    package var differences = 0
    package var probes = 0
    /// How often own writes were sent to a node that gossip had missed.
    package var resent = 0

    static func += (left: inout StoreCounters, right: StoreCounters) {
        left.applied += right.applied
        left.stale += right.stale
        left.gaps += right.gaps
        left.quarantined += right.quarantined
        left.purged += right.purged
    }
}
