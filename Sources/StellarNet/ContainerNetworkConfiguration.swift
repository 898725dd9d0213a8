public import StellarCore

/// What the containers of one node are joined to.
public struct ContainerNetworkConfiguration: Sendable, Hashable {
    /// The bridge's interface name, at most 15 bytes.
    public var bridge = "stellar0"
    /// This node's id, under which the daemon keeps its addresses.
    public var nodeID: String
    /// This node's part of the cluster's network; its first address is the gateway, on the bridge. nil: it has none yet, and
    /// gets one with ``ContainerNetwork/use(_:)``.
    public var subnet: IPv4Subnet?
    /// The daemon's gRPC address, host:port.
    public var peerAddress: String
    /// The daemon's unix socket, which `stellar-cni-ipam` takes before ``peerAddress``: it needs no TLS and no port.
    public var socket: String?
    /// Namespaces are bound at `<stateDirectory>/ns/<id>/net`.
    public var stateDirectory = "/run/stellar"
    /// The cluster's network, which ``subnet`` is cut from; see ``Bridge/ensure()``.
    public var network: IPv4Subnet?
    /// The directories of CNI plugins, first one first.
    public var pluginPaths = CNIPluginPaths.standard
    /// Where our own `stellar-cni-ipam` is looked for first. Nothing else is taken from there: it is the directory of the
    /// daemon, and in `/usr/sbin` stands a `bridge` that is no plugin but a tool of iproute2.
    public var ownPluginDirectory: String?
    /// How long one execution of a plugin may take.
    public var pluginTimeout = CNIPlugin.standardTimeout

    public init(nodeID: String, subnet: IPv4Subnet?, peerAddress: String, socket: String? = nil) {
        self.nodeID = nodeID
        self.subnet = subnet
        self.peerAddress = peerAddress
        self.socket = socket
    }
}

/// A container's place in the network.
public struct NetworkAttachment: Sendable, Hashable {
    /// The container's id.
    public var id: String
    /// The file its network namespace is bound at, for the OCI specification.
    public var namespacePath: String
    /// Its address on `eth0`; nil with loopback only.
    public var address: IPv4Address?
    /// The bridge's address; nil with loopback only.
    public var gateway: IPv4Address?
}
