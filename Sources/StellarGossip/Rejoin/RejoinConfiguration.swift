/// How often a node tries to reach lost peers. The defaults suit clusters of a few hundred nodes. One attempt costs a
/// connection (three packets), or one unanswered packet.
public struct RejoinConfiguration: Sendable, Hashable {
    /// The delay between the first attempt and the second: long enough for a restarting peer to come up.
    public var firstDelay = Duration.seconds(1)
    /// Each delay is this many times the one before, up to ``longestDelay``.
    public var factor = 2
    /// The longest delay. It is how long two nodes may stay separated after the cause of a split has ended. With p
    /// separated pairs, the first pair meets after about a p-th of it. Serf has the same 30 seconds.
    public var longestDelay = Duration.seconds(30)
    /// Delays are shortened at random by up to this part, so that nodes that lost each other at one moment do not all
    /// try at one moment.
    public var jitter = 0.5
    /// Attempts at a time. Further ones wait for one of them to end: a thousand unreachable peers must not cost a
    /// thousand sockets.
    public var maximumAttempts = 32
    /// The average time between attempts: twenty a second. Without it a forged message with many nodes could make this
    /// node connect to as many hosts.
    public var spacing = Duration.milliseconds(50)
    /// Nodes that are remembered. Above it, nodes that left are removed first, then the nodes not seen for the longest
    /// time. 4096 are half a megabyte in memory and on disk, and ten times the nodes that a cluster was tested with.
    public var maximumKnown = 4096
    /// For how long a node that left is remembered and shown (Serf's `tombstone_timeout`). A dead node is remembered,
    /// and looked for, until a person forgets it.
    public var leftRetention = Duration.seconds(24 * 3600)

    public init() {}
}
