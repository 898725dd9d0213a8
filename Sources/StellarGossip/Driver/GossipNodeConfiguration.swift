import StellarSystem

/// The name of a node, where it listens, and which peers it looks for.
public struct GossipNodeConfiguration: Sendable, Hashable {
    /// Unique in the cluster: 1 to 255 bytes, without control characters.
    public var name: String
    /// Where datagrams and streams are received. The default is every IPv4 address of the host; `[::]` is every address
    /// of both families. Port 0: one that is free for both sockets.
    public var bind = GossipEndpoint(address: .wildcard, port: PeerAddress.defaultPort)
    /// Where others reach the node; behind NAT the node cannot know that. nil: the address it is bound to; for a node
    /// bound to all addresses, the one from which the kernel sends to the first peer. Port 0: the one it is bound to.
    public var advertise: GossipEndpoint?
    public var gossip = GossipConfiguration.lan
    /// The name of the cluster, in front of every datagram and stream; messages with another one are dropped. At most
    /// 255 bytes. Empty: none, and the only value that memberlist before 0.3 understands.
    public var label = ""
    /// nil: not encrypted, and anybody can send messages.
    public var keyring: Keyring?
    /// With a key: whether unencrypted messages are dropped, and whether sent messages are encrypted. To encrypt a
    /// running cluster without a gap, restart each node with the key and both off, then with the second on, then with
    /// both on.
    public var verifiesIncoming = true
    public var encryptsOutgoing = true
    /// Whether sent messages are compressed; received ones may always be.
    public var compresses = true
    /// The application's metadata of this node, sent to all nodes. At most 512 bytes.
    public var metadata: [UInt8] = []
    /// The protocol versions that the node announces. The application's part has to suit all other nodes (Serf's is 2
    /// to 5): peers refuse a push/pull if it does not.
    public var versions = ProtocolVersions.ours
    /// Declared peers, which the node looks for as long as it runs: see ``PeerAddress``.
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
                "the node name \(String(reflecting: name)) is invalid: it must have 1 to \(WireLimits.name) bytes "
                    + "and no control characters"
            )
        }
        guard label.utf8.count <= WireLimits.label else {
            throw GossipNodeError(
                .invalid,
                "the cluster name has \(label.utf8.count) bytes; at most \(WireLimits.label) are allowed"
            )
        }
        guard metadata.count <= WireLimits.metadata else { throw Self.metadataTooLong(metadata.count) }
        return try peers.map { text in
            guard let peer = PeerAddress(text) else {
                throw GossipNodeError(
                    .invalid,
                    "the peer \(String(reflecting: text)) is invalid: it must be HOST, HOST:PORT, an IPv6 address "
                        + "or [IPv6]:PORT"
                )
            }
            return peer
        }
    }

    static func metadataTooLong(_ count: Int) -> GossipNodeError {
        GossipNodeError(
            .invalid,
            "the node's metadata has \(count) bytes; at most \(WireLimits.metadata) are allowed"
        )
    }
}

extension WireLimits {
    /// Whether a node may have this name: it can be shown, logged and compared as it was written.
    static func isSound(name: String) -> Bool {
        NodeName.isValid(name)
    }
}
