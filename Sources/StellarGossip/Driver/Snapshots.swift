// The state of a node and of its peers at one moment.

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
    /// Where a second live node with this name is.
    public var conflict: GossipEndpoint?
}

/// A change of a node, or of this one.
public enum GossipNodeEvent: Sendable, Hashable {
    case joined(MemberStatus)
    case left(MemberStatus)
    case failed(MemberStatus)
    /// Its metadata or its address changed.
    case updated(MemberStatus)
    /// Two live nodes have one name; the other one is at `other`.
    case conflict(MemberStatus, other: GossipEndpoint)
    /// This process was stopped, or its computer suspended, for this long. No node is suspected for that time.
    case resumed(after: Duration)
}

/// A peer that this node looks for or has reached.
public struct PeerStatus: Sendable, Hashable {
    /// The declared address, or the last address of a known node.
    public var address: String
    /// The name of a known node; nil for a declared peer.
    public var name: String?
    public var isDeclared: Bool
    /// A live node is at the address, or it is this node's own: no attempt is needed.
    public var isReached: Bool
    /// What the address resolved to at the last attempt.
    public var endpoints: [GossipEndpoint]
    public var attempts: Int
    /// How long ago the last attempt started.
    public var lastAttempt: Duration?
    /// How long ago a peer last responded there.
    public var lastSuccess: Duration?
    /// Why the last attempt failed; nil if it did not.
    public var lastError: String?
    /// Time until the next attempt; nil while an attempt runs, or if none is needed.
    public var nextAttempt: Duration?
}

/// The round trip of datagrams to a node.
public struct RoundTripStatus: Sendable, Hashable {
    public var name: String
    public var roundTrip: RoundTrip
}

/// The health of this node.
public struct GossipHealth: Sendable, Hashable {
    /// 0 is healthy; each point makes this node's probes one probe interval longer (Lifeguard section IV.A).
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

/// Counters of a node: traffic, and drops by reason. They only grow.
public struct GossipNodeCounters: Sendable, Hashable {
    public var machine = GossipCounters()
    public var drops: [DropReason: Int] = [:]
    public var datagramsReceived = 0
    public var datagramsSent = 0
    public var bytesReceived = 0
    public var bytesSent = 0
    /// Streams that peers opened.
    public var streamsAccepted = 0
    /// Streams that this node opened.
    public var streamsOpened = 0
    public var streamsFailed = 0
    /// News that was dropped because the queue was full.
    public var newsDropped = 0
}
