/// What the machine wants done. The driver does it in order, and decides nothing.
public enum GossipEffect: Sendable, Hashable {
    /// Messages for one datagram; the codec wraps them.
    case send([[UInt8]], to: GossipEndpoint, hasChecksum: Bool)
    /// A ping on a stream; an answer in time goes to ``MembershipMachine/streamAnswered(sequence:now:)``.
    case pingOnStream(Ping, to: GossipEndpoint, deadline: GossipTime)
    /// A push/pull with a node that we know.
    case pushPull(with: GossipEndpoint)
    case event(GossipEvent)
    /// An application's message came.
    case deliver([UInt8])
}

/// What became of a node.
public enum GossipEvent: Sendable, Hashable {
    case joined(Member)
    case left(Member)
    case failed(Member)
    /// Its metadata or its address changed.
    case updated(Member)
    /// Two live nodes have one name; the other one is at `endpoint`.
    case conflict(Member, other: GossipEndpoint)
    /// The node itself has left: its farewell went out as often as the formula wants.
    case farewellSent
    /// Datagrams to a node are lost although streams get there: a firewall, or an MTU.
    case datagramsLost(Member)
    /// This node slept for so long: its process was stopped, or its computer suspended.
    case slept(Duration)
}
