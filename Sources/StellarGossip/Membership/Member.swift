/// A node, as this one sees it.
public struct Member: Sendable, Hashable {
    /// Unique in the cluster.
    public var name: String
    /// The bytes that the node announced; see ``WireAddress``.
    public var address: WireAddress
    public var port: UInt16
    /// The application's, at most ``WireLimits/metadata`` bytes.
    public var metadata: [UInt8]
    public var versions: ProtocolVersions
    /// Counts the node's claims about itself; only the node raises it.
    public var incarnation: UInt32
    public var state: NodeState
    /// Since when it is in this state.
    public var since: GossipTime
    /// The round trip of a ping, smoothed (RFC 6298 section 2: an eighth of each new one); nil until one was answered.
    public var roundTrip: Duration?
    /// Who suspects it, while it is suspected.
    var suspicion: Suspicion?

    public var endpoint: GossipEndpoint { GossipEndpoint(address: address, port: port) }

    /// Takes part: it is alive, or may be.
    public var isPresent: Bool { state == .alive || state == .suspect }

    mutating func measured(_ sample: Duration) {
        roundTrip = roundTrip.map { $0 + (sample - $0) / 8 } ?? sample
    }
}

/// Where a node listens, with datagrams and streams.
public struct GossipEndpoint: Sendable, Hashable, CustomStringConvertible {
    public var address: WireAddress
    public var port: UInt16

    public init(address: WireAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    public var description: String {
        address.ipv4 == nil ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
