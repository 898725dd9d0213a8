/// What the machine wants done. The driver runs effects in order and decides nothing.
public enum GossipEffect: Sendable, Hashable {
    /// Messages for one datagram; the codec wraps them.
    case send([[UInt8]], to: GossipEndpoint, hasChecksum: Bool)
    /// A ping on a stream; an acknowledgement in time goes to ``MembershipMachine/streamAnswered(sequence:)``.
    case pingOnStream(Ping, to: GossipEndpoint, deadline: GossipTime)
    /// A push/pull with a known node.
    case pushPull(with: GossipEndpoint)
    case event(GossipEvent)
    /// Deliver an application's message.
    case deliver([UInt8])
}

/// A change that the machine reports.
public enum GossipEvent: Sendable, Hashable {
    case joined(Member)
    case left(Member)
    case failed(Member)
    /// Its metadata or its address changed.
    case updated(Member)
    /// Two live nodes have one name; the other one is at `other`.
    case conflict(Member, other: GossipEndpoint)
    /// This node left: its leave message was sent as often as the formula requires.
    case leaveSent
    /// Datagrams to a node are lost although streams reach it: a firewall, or an MTU.
    case datagramsLost(Member)
    /// This node slept for this long: its process was stopped, or its computer suspended.
    case slept(Duration)
}
