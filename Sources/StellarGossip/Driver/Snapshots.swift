// What a node says of itself and of others, as it is at one moment.

/// A node, as this one sees it.
public struct MemberStatus: Sendable, Hashable {
    public var name: String
    public var endpoint: GossipEndpoint
    public var metadata: [UInt8]
    public var state: NodeState
    public var incarnation: UInt32
    /// It is this node.
    public var isSelf: Bool
    /// How long it has been in its state.
    public var stateAge: Duration
    /// How long ago it was last seen alive; zero while it is.
    public var lastSeen: Duration
    /// A second live node under this name is there.
    public var conflict: GossipEndpoint?
}

/// What became of a node, or of this one.
public enum GossipNodeEvent: Sendable, Hashable {
    case joined(MemberStatus)
    case left(MemberStatus)
    case failed(MemberStatus)
    /// Its metadata or its address changed.
    case updated(MemberStatus)
    /// Two live nodes have one name; the other one is at `other`.
    case conflict(MemberStatus, other: GossipEndpoint)
    /// This process, or its computer, slept for so long. Nobody is blamed for that time.
    case resumed(after: Duration)
}

/// Somebody that this node looks for, or has looked for.
public struct PeerStatus: Sendable, Hashable {
    /// As it was declared, or where a once known node was last.
    public var address: String
    /// Of a node that was there once.
    public var name: String?
    public var isDeclared: Bool
    /// A live node is there, or it is this one: it is not looked for.
    public var isReached: Bool
    /// What the address was at the last try.
    public var endpoints: [GossipEndpoint]
    public var attempts: Int
    /// How long ago.
    public var lastAttempt: Duration?
    /// How long ago a peer answered there.
    public var lastSuccess: Duration?
    /// Why the last try failed; nil if it did not.
    public var lastError: String?
    /// In how long it is tried again; nil while it is tried, or need not be.
    public var nextAttempt: Duration?
}

/// The round trip of datagrams to a node.
public struct RoundTripStatus: Sendable, Hashable {
    public var name: String
    public var roundTrip: RoundTrip
}

/// How well this node is.
public struct GossipHealth: Sendable, Hashable {
    /// 0 is well; each step up makes this node's own time-outs longer by their whole (Lifeguard section IV.A).
    public var awareness: Int
    /// The highest that ``awareness`` can be.
    public var awarenessMaximum: Int
    public var alive: Int
    public var suspected: Int
    public var dead: Int
    public var left: Int
    /// Why the sockets are not bound; nil when they are.
    public var problem: String?
}

/// What went in and out, and what was dropped. Counts only grow.
public struct GossipNodeCounters: Sendable, Hashable {
    public var machine = GossipCounters()
    public var drops: [DropReason: Int] = [:]
    public var datagramsReceived = 0
    public var datagramsSent = 0
    public var bytesReceived = 0
    public var bytesSent = 0
    /// Streams that peers opened.
    public var streamsAccepted = 0
    /// Streams to peers.
    public var streamsOpened = 0
    public var streamsFailed = 0
    /// News that no room was for.
    public var newsDropped = 0
}
