/// A node, as this one sees it.
///
/// Each node of a cluster holds one for every other node, and a simulation holds thousands for each of thousands of
/// nodes. So the fields that every message is compared with stand together at the beginning, and rarely used state is
/// boxed.
public struct Member: Sendable, Hashable {
    /// Unique in the cluster.
    public var name: String
    /// The bytes that the node announced; see ``WireAddress``.
    public var address: WireAddress
    public var port: UInt16
    public var versions: ProtocolVersions
    /// Counts the node's claims about itself; only the node raises it.
    public var incarnation: UInt32
    public var state: NodeState
    /// The application's, at most ``WireLimits/metadata`` bytes.
    public var metadata: [UInt8]
    /// When it entered this state.
    public var since: GossipTime
    /// When this node last saw it alive; while it is alive, when it became so.
    public var lastSeen: GossipTime
    /// nil until a ping was answered.
    public var roundTrip: RoundTrip?
    private var doubt = Doubt.none

    public init(
        name: String,
        address: WireAddress,
        port: UInt16,
        metadata: [UInt8],
        versions: ProtocolVersions,
        incarnation: UInt32,
        state: NodeState,
        since: GossipTime
    ) {
        self.name = name
        self.address = address
        self.port = port
        self.versions = versions
        self.incarnation = incarnation
        self.state = state
        self.metadata = metadata
        self.since = since
        lastSeen = since
    }

    /// On the heap: nearly all members have no suspicion.
    private indirect enum Doubt: Sendable, Hashable {
        case none
        case suspected(Suspicion)
    }

    /// The suspicion against it, while its state is `suspect`.
    var suspicion: Suspicion? {
        get { if case .suspected(let suspicion) = doubt { suspicion } else { nil } }
        set { doubt = newValue.map { .suspected($0) } ?? .none }
    }

    public var endpoint: GossipEndpoint { GossipEndpoint(address: address, port: port) }

    /// Whether it takes part in the cluster: its state is `alive` or `suspect`.
    public var isPresent: Bool { state == .alive || state == .suspect }

    mutating func measured(_ sample: Duration) {
        if roundTrip == nil { roundTrip = RoundTrip(sample) } else { roundTrip?.add(sample) }
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
