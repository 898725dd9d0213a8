/// Counters of a membership machine: dropped messages by reason, and events. They only grow.
public struct GossipCounters: Sendable, Hashable {
    /// Alive messages with an invalid range of versions or an invalid address.
    public var unsoundClaims = 0
    /// Suspect and dead messages about unknown nodes.
    public var unknownNodes = 0
    /// Messages with an earlier incarnation than the known one.
    public var staleClaims = 0
    /// Pings for another node.
    public var misdirectedPings = 0
    /// Acknowledgements and nacks that no probe waits for, or that came too late.
    public var unexpectedAnswers = 0
    /// Indirect pings beyond ``MembershipMachine/maximumRelays``.
    public var refusedRelays = 0
    /// Nodes beyond ``MembershipMachine/maximumMembers``.
    public var refusedMembers = 0
    public var probes = 0
    public var failedProbes = 0
    /// How often this node refuted its own death or suspicion.
    public var refutations = 0
    public var conflicts = 0
    /// How often this node slept.
    public var sleeps = 0
}
