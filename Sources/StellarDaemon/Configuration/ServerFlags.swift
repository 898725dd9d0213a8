/// What the command line of `stellar server` says; nil is "not given". Flags win over the configuration file.
public struct ServerFlags: Sendable, Hashable {
    /// The node's id.
    public var nodeName: String?
    /// Like the members of ``DaemonConfiguration`` of the same name.
    public var dataDirectory: String?
    /// Like the members of ``DaemonConfiguration`` of the same name.
    public var stateDirectory: String?
    /// Like the members of ``DaemonConfiguration`` of the same name.
    public var bridge: String?
    /// The host of the API; the bind address unless given.
    public var agentAddress: String?
    /// The port of the API.
    public var agentPort: Int?
    /// containerd's socket.
    public var containerdAddress: String?
    /// containerd's namespace.
    public var namespace: String?
    /// What is cut into one subnet per node.
    public var subnet: String?
    /// `routes` or `vxlan`.
    public var overlay: String?
    /// The UDP port of `vxlan`.
    public var vxlanPort: Int?
    /// The number of the network in `vxlan`.
    public var vxlanID: Int?
    /// `local`, `lan` or `wan`.
    public var connectionType: String?
    /// The host gossip listens on.
    public var bindAddress: String?
    /// The host others reach this node on.
    public var advertiseAddress: String?
    /// The port of ``bindAddress``.
    public var bindPort: Int?
    /// The port of ``advertiseAddress``.
    public var advertisePort: Int?
    /// The proxy's port.
    public var proxyHTTPPort: Int?
    /// The proxy's port for TLS.
    public var proxyHTTPSPort: Int?
    /// The address certificates are ordered with.
    public var proxyTLSEmail: String?
    /// A Go duration.
    public var proxyHealthcheckInterval: String?
    /// `host[:port]` of the resolver for other names.
    public var upstreamDNSAddress: String?
    /// `host[:port]` of nodes to join.
    public var peers: [String] = []
    /// The cluster's name.
    public var clusterName: String?
    /// The key of gossip, or the path of a file with it.
    public var gossipKey: String?
    /// `K=V`.
    public var labels: [String] = []
    /// Directories of CNI plugins.
    public var cniBinPaths: [String] = []
    /// A Go duration.
    public var cniTimeout: String?
    /// CIDRs.
    public var nameserverClients: [String] = []
    /// Directories of containerd's `certs.d` layout.
    public var registryHostsDirectories: [String] = []
    /// PEM files of the server.
    public var tlsCertificate: String?
    /// PEM files of the server.
    public var tlsKey: String?
    /// PEM file: who signs clients' certificates.
    public var tlsClientCA: String?
    /// Log everything.
    public var debug = false

    /// No flag given.
    public init() {}
}
