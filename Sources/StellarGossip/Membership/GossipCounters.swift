/// What was dropped, and why; what happened, how often. Counts only grow.
public struct GossipCounters: Sendable, Hashable {
    /// Claims with a range of versions that cannot be, or an address that is none.
    public var unsoundClaims = 0
    /// Claims about nodes that we do not know.
    public var unknownNodes = 0
    /// Claims older than what we know.
    public var staleClaims = 0
    /// Pings that were for another node.
    public var misdirectedPings = 0
    /// Answers that nobody waited for, or that came too late.
    public var unexpectedAnswers = 0
    /// Requests to ping for others beyond ``MembershipMachine/maximumRelays``.
    public var refusedRelays = 0
    /// Nodes beyond ``MembershipMachine/maximumMembers``.
    public var refusedMembers = 0
    public var probes = 0
    public var failedProbes = 0
    /// How often this node had to say that it is not dead.
    public var refutations = 0
    public var conflicts = 0
    /// How often this node had slept.
    public var sleeps = 0
}
