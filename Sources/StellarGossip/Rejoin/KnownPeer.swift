/// A node that was seen once: what is kept of it beyond the end of the process, to find it again.
public struct KnownPeer: Sendable, Hashable {
    public var name: String
    /// Where it was seen last.
    public var endpoint: GossipEndpoint
    /// It said farewell, so it is not looked for.
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

/// Where a node keeps the peers that it knows, so that it finds the cluster again after it was away, even where those
/// that it was told to look for are gone.
public protocol PeerStore: Sendable {
    /// What was saved last; empty where nothing was.
    func load() async throws -> [KnownPeer]
    /// Replaces what was saved: all of it, or, where it fails, nothing.
    func save(_ peers: [KnownPeer]) async throws
}
