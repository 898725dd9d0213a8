import StellarGossip

/// What the daemon needs of gossip. ``NodeGossip`` is the real one; tests set the members themselves.
protocol GossipPort: Sendable {
    /// All known nodes with this one: dead nodes until they are forgotten, left nodes for a day.
    func members() async -> [ClusterMember]
    /// Configured and remembered peers.
    func peers() async -> [JoinAddress]
    /// Round trips of this node's own pings, by the name of the other node.
    func roundTrips() async -> [String: Duration]
    /// - Throws: ``ClusterError``: NotFound; FailedPrecondition for a node that is alive.
    func forget(_ name: String) async throws
    /// Leaves the cluster: sends the leave message, and takes no part any more.
    func leave() async
    /// What does not work, in words.
    func problems() async -> [String]
    /// Changes the keys that packets are encrypted with, at once.
    func change(_ change: KeyChange, _ key: GossipKey) async throws
}

/// What can be done with a key on one node.
enum KeyChange: Sendable, Hashable {
    /// Decrypt with it.
    case add
    /// Encrypt with it.
    case use
    case remove
}

/// A node, as gossip has it.
struct ClusterMember: Sendable, Hashable {
    enum State: String, Sendable, Hashable {
        case alive, suspect, dead, left
    }

    var name: String
    /// `host:port` of its gossip.
    var address: String
    /// See ``NodeAnnouncement``.
    var metadata: [UInt8] = []
    var state = State.alive
    /// How long ago it was last known to be alive.
    var lastSeen = Duration.zero
    /// `host:port` of the gossip of a second live node with this name.
    var conflict: String?
    var isSelf = false
}

/// An address that this node joins, or tries to.
struct JoinAddress: Sendable, Hashable {
    /// As it was declared, or `host:port` of a node that was known once.
    var address: String
    var isDeclared = false
    /// The node that is there, where that is known.
    var node: String?
    /// A live node has this address, so no attempt is needed.
    var isReached = false
    var failures = 0
    var lastError: String?
    /// Ago.
    var lastSuccess: Duration?
    var lastTry: Duration?
    /// From now.
    var nextTry: Duration?
}
