/// The daemon's settings, with the defaults of the original.
///
/// The names of the file (`NodeID`, `GRPCAddress`, …) are in ``ConfigurationMember``.
public struct DaemonConfiguration: Sendable, Hashable {
    /// The name of this node in the cluster; the host name unless set.
    public var nodeID: String
    /// What placement preferences select nodes by.
    public var nodeLabels: [String: String] = [:]
    /// `host:port` of the API.
    public var grpcAddress: String
    /// PEM files; TLS is on when certificate and key are both set.
    public var tlsServerCertificate = ""
    /// The private key of ``tlsServerCertificate``.
    public var tlsServerKey = ""
    /// A PEM file of authorities; with it, only clients with a certificate of one of them are served on ``grpcAddress``.
    /// The original has no such member: it asks for client certificates and verifies none.
    public var tlsServerClientCA = ""
    /// For calls to other nodes: a client certificate, or, without a key, the CA to verify them with.
    public var tlsClientCertificate = ""
    /// The private key of ``tlsClientCertificate``.
    public var tlsClientKey = ""
    /// Other nodes' certificates are not verified.
    public var tlsInsecureSkipVerify = false
    /// containerd's unix socket.
    public var containerdAddress = "/run/containerd/containerd.sock"
    /// The containerd namespace of everything this daemon makes.
    public var namespace = "default"
    /// What must survive a reboot.
    public var dataDirectory = "/var/lib/stellar"
    /// What must not.
    public var stateDirectory = "/run/stellar"
    /// The bridge that containers hang on; at most 15 bytes.
    public var bridge = "stellar0"
    /// `host:port` of the resolver that other names are asked from; empty means the host's own, then `1.1.1.1:53`.
    public var upstreamDNSAddress = ""
    /// The proxy's ports.
    public var proxyHTTPPort = 80
    /// The proxy's port for TLS.
    public var proxyHTTPSPort = 443
    /// The address that certificates are ordered with.
    public var proxyTLSEmail = ""
    /// `host:port` of the HTTP gateway.
    public var gatewayAddress: String
    /// `host:port` of the event bus for its clients.
    public var eventsAddress: String
    /// `host:port` of the event bus for other nodes.
    public var eventsClusterAddress: String
    /// `host:port` of the event bus's monitoring; empty is off.
    public var eventsHTTPAddress: String
    /// Where CNI plugins are looked for, first match wins; empty means the usual places.
    public var cniBinPaths: [String] = []
    /// How long one run of a CNI plugin may take.
    public var cniTimeout = Duration.seconds(20)
    /// Networks (CIDR) whose questions the nameserver answers, beside those of this node's containers and of the host.
    public var nameserverClients: [String] = []
    /// Where mirrors and certificates of registries are configured, in containerd's `certs.d` layout; a flag only, as the
    /// file of the original has no member for it. Empty means containerd's own place.
    public var registryHostsDirectories: [String] = []
    /// The gossip profile.
    public var connectionType = ConnectionType.local
    /// `host:port` gossip listens on.
    public var clusterAddress: String
    /// `host:port` other nodes reach this one's gossip on.
    public var advertiseAddress: String
    /// Log everything.
    public var debug = false
    /// `host[:port]` of nodes to join; names are resolved again at each try.
    public var peers: [String] = []
    /// Only nodes with the same cluster name accept each other's gossip: memberlist's label, at most 255 bytes.
    public var clusterName = ""
    /// The first key of gossip, in base64 or hexadecimal, or the path of a file with it; empty is no encryption. A keyring
    /// that is there already (``keyringPath``) counts more.
    public var gossipKey = ""
    /// What is cut into one subnet per node.
    public var subnet = "172.16.0.0/12"
    /// How packets come from the containers of one node to those of another; the same on all nodes.
    public var overlay = OverlayKind.routes
    /// The UDP port of ``OverlayKind/vxlan``; the one that IANA gave to VXLAN (RFC 7348).
    public var vxlanPort = 4789
    /// The number of the cluster's network on that port. Docker begins at 4096 and others at 1: no other program is likely to
    /// have chosen this one, "STL" in ASCII.
    public var vxlanID = 0x53544c
    /// How often the proxy looks at what stands behind it.
    public var proxyHealthcheckInterval = Duration.seconds(5)

    /// The gossip profile: how patient nodes are with each other.
    public enum ConnectionType: String, Sendable, CaseIterable {
        case local, lan, wan
    }

    /// The ways between nodes.
    public enum OverlayKind: String, Sendable, CaseIterable {
        /// Static routes: for nodes that share a link.
        case routes
        /// Packets in UDP: for nodes anywhere.
        case vxlan
    }

    /// What 24 bits hold.
    static let vxlanIDs = 1...0xff_ffff

    /// The default port of the API.
    public static let defaultPort = 9000
    /// The default port of gossip.
    public static let defaultGossipPort = 7946

    /// The defaults on a host.
    ///
    /// - Parameters:
    ///   - hostName: Becomes the node's id.
    ///   - address: The address the others reach this host on; see ``AddressDetection``.
    public init(hostName: String, address: String) {
        nodeID = hostName
        grpcAddress = "\(address):\(Self.defaultPort)"
        gatewayAddress = "\(address):9001"
        eventsAddress = "\(address):4222"
        eventsClusterAddress = "\(address):5222"
        eventsHTTPAddress = "\(address):4322"
        clusterAddress = "\(address):\(Self.defaultGossipPort)"
        advertiseAddress = "\(address):\(Self.defaultGossipPort)"
    }

    /// Where the API listens for programs of this host.
    public var socketPath: String { "\(stateDirectory)/stellar.sock" }

    /// The gossip keys, which change while the daemon runs.
    public var keyringPath: String { "\(dataDirectory)/gossip-keys.json" }

    /// The nodes that were known once, by which a node finds the cluster again.
    public var knownPeersPath: String { "\(dataDirectory)/known-peers" }

    /// `host:port` that other nodes reach the API on: where it listens, unless that is every address of the host, or the
    /// address that gossip has behind a NAT.
    public var announcedAddress: String {
        guard let api = HostPort(grpcAddress), let advertised = HostPort(advertiseAddress) else { return grpcAddress }
        let isTranslated = api.host == HostPort(clusterAddress)?.host
        guard api.isEveryAddress || isTranslated else { return grpcAddress }
        return HostPort(host: advertised.host, port: api.port).description
    }
}
