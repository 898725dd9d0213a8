/// A node, as this one sees it.
///
/// Each node of a cluster has one of every other, in a simulation each of thousands has thousands: what every message is
/// compared with stands together at the beginning, and what few have is kept elsewhere.
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
    /// Since when it is in this state.
    public var since: GossipTime
    /// When it stopped being alive in our eyes; while it is alive, when it began to be.
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

    /// On the heap, as nearly all have none.
    private indirect enum Doubt: Sendable, Hashable {
        case none
        case suspected(Suspicion)
    }

    /// Who suspects it, while it is suspected.
    var suspicion: Suspicion? {
        get { if case .suspected(let suspicion) = doubt { suspicion } else { nil } }
        set { doubt = newValue.map { .suspected($0) } ?? .none }
    }

    public var endpoint: GossipEndpoint { GossipEndpoint(address: address, port: port) }

    /// Takes part: it is alive, or may be.
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
