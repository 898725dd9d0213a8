/// A node that was seen once. It is saved, so that a restarted process finds the node again.
public struct KnownPeer: Sendable, Hashable {
    public var name: String
    /// Where it was seen last.
    public var endpoint: GossipEndpoint
    /// It left the cluster, so this node does not look for it.
    public var hasLeft: Bool
    /// When it was last seen alive, in seconds since 1970.
    public var lastSeen: Int64
    public var metadata: [UInt8]

    public init(name: String, endpoint: GossipEndpoint, hasLeft: Bool, lastSeen: Int64, metadata: [UInt8] = []) {
        self.name = name
        self.endpoint = endpoint
        self.hasLeft = hasLeft
        self.lastSeen = lastSeen
        self.metadata = metadata
    }
}

/// Where a node keeps the peers that it knows. With it a restarted node finds the cluster again, even if its declared
/// peers no longer exist.
public protocol PeerStore: Sendable {
    /// The peers that were saved last; empty if none were.
    func load() async throws -> [KnownPeer]
    /// Replaces all saved peers; if it fails, the old ones stay.
    func save(_ peers: [KnownPeer]) async throws
}
