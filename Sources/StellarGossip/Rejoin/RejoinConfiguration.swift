/// How often peers that are not there are looked for. The defaults are fit for clusters of a few hundred; what one try
/// costs is a connection (three packets), or one unanswered packet.
public struct RejoinConfiguration: Sendable, Hashable {
    /// Between the first try and the second. Long enough for a peer that is being restarted to come up.
    public var firstDelay = Duration.seconds(1)
    /// Each wait is this many times the one before…
    public var factor = 2
    /// …up to this one: the time that a split lasts at most beyond its cause, between any two nodes that lost each other.
    /// With p such pairs, the first of them meets after about a p-th of it. Serf has the same 30 seconds.
    public var longestDelay = Duration.seconds(30)
    /// Waits are shortened by up to this part of them, at random, so that nodes that lost each other at one moment do not
    /// all try at one moment.
    public var jitter = 0.5
    /// Tries at a time. The others wait for one of them to end: a thousand unreachable peers are not a thousand sockets.
    public var maximumTries = 32
    /// From one try to the next, on average: twenty a second. Whoever can tell us of nodes could have us knock at as many
    /// doors as it names.
    public var spacing = Duration.milliseconds(50)
    /// Nodes that are remembered. Above it those that left go first, then the ones not seen for the longest time: 4096 are
    /// half a megabyte in memory and on disk, and ten times the nodes that a cluster was tested with.
    public var maximumKnown = 4096
    /// For how long a node that left is remembered, to be shown as such. (Serf's `tombstone_timeout`.) One that is dead is
    /// remembered, and looked for, until it is forgotten by hand.
    public var leftRetention = Duration.seconds(24 * 3600)

    public init() {}
}
