public import StellarCore

/// The settings of ``ContainerNetwork``.
public struct ContainerNetworkConfiguration: Sendable, Hashable {
    /// The bridge's interface name, at most 15 bytes.
    public var bridge = "stellar0"
    /// This node's id, the owner of its addresses.
    public var nodeID: String
    /// This node's part of the cluster's network; its first address is the gateway, on the bridge. nil until
    /// ``ContainerNetwork/use(_:)`` sets it.
    public var subnet: IPv4Subnet?
    /// The daemon's gRPC address, host:port.
    public var peerAddress: String
    /// The daemon's unix socket, which `stellar-cni-ipam` prefers to ``peerAddress``: it needs no TLS and no port.
    public var socket: String?
    /// Namespaces are bound at `<stateDirectory>/ns/<id>/net`.
    public var stateDirectory = "/run/stellar"
    /// The cluster's network, which ``subnet`` is cut from; see ``Bridge/ensure()``.
    public var network: IPv4Subnet?
    /// The directories of CNI plugins, in the order of search.
    public var pluginPaths = CNIPluginPaths.standard
    /// The daemon's directory, searched first for `stellar-cni-ipam` and for no other plugin: `/usr/sbin/bridge` is a tool of
    /// iproute2.
    public var ownPluginDirectory: String?
    /// The time limit of one run of a plugin.
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
