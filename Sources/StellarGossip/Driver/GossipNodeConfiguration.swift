import StellarSystem

/// Who a node is, where it listens and whom it looks for.
public struct GossipNodeConfiguration: Sendable, Hashable {
    /// Unique in the cluster: 1 to 255 bytes, without control characters.
    public var name: String
    /// Where datagrams and streams are taken. All IPv4 addresses of the host unless said otherwise; `[::]` is those of
    /// both families. Port 0: one that is free for both.
    public var bind = GossipEndpoint(address: .wildcard, port: PeerAddress.defaultPort)
    /// Where others reach the node: behind NAT not what it can see itself. nil is the address it is bound to; of a node
    /// bound to all the one from which the kernel sends to the first peer. Port 0: the one it is bound to.
    public var advertise: GossipEndpoint?
    public var gossip = GossipConfiguration.lan
    /// The name of the cluster, said with every datagram and stream: who says another one is not heard. At most 255
    /// bytes; empty is none, and all that memberlist before 0.3 understands.
    public var label = ""
    /// nil: not encrypted, anybody can say anything.
    public var keyring: Keyring?
    /// With a key: whether what is not encrypted is refused, and whether what goes out is encrypted. A cluster is brought to
    /// encryption without a gap by restarting each node with the key and both off, then with the second on, then with both.
    public var verifiesIncoming = true
    public var encryptsOutgoing = true
    /// Whether what goes out is compressed; what comes in may always be.
    public var compresses = true
    /// The application's, told to all. At most 512 bytes.
    public var metadata: [UInt8] = []
    /// What the node says it understands. The application's part has to fit that of all others (Serf's is 2 to 5): peers
    /// refuse a push/pull where it does not.
    public var versions = ProtocolVersions.ours
    /// Peers to look for, until the end: see ``PeerAddress``.
    public var peers: [String] = []
    public var rejoin = RejoinConfiguration()

    public init(name: String) {
        self.name = name
    }

    /// - Throws: ``GossipNodeError``, `invalid`.
    func checked() throws -> [PeerAddress] {
        guard WireLimits.isSound(name: name) else {
            throw GossipNodeError(
                .invalid,
                "the node's name \(String(reflecting: name)) has to have 1 to \(WireLimits.name) bytes and no control characters"
            )
        }
        guard label.utf8.count <= WireLimits.label else {
            throw GossipNodeError(
                .invalid,
                "the cluster's name has \(label.utf8.count) bytes; at most \(WireLimits.label) can be told"
            )
        }
        guard metadata.count <= WireLimits.metadata else { throw Self.metadataTooLong(metadata.count) }
        return try peers.map { text in
            guard let peer = PeerAddress(text) else {
                throw GossipNodeError(
                    .invalid,
                    "the peer \(String(reflecting: text)) is not HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT"
                )
            }
            return peer
        }
    }

    static func metadataTooLong(_ count: Int) -> GossipNodeError {
        GossipNodeError(
            .invalid,
            "the node's metadata has \(count) bytes; at most \(WireLimits.metadata) can be told to others"
        )
    }
}

extension WireLimits {
    /// Whether a node can have this name: one that is shown, logged and compared as it was written.
    static func isSound(name: String) -> Bool {
        NodeName.isValid(name)
    }
}
