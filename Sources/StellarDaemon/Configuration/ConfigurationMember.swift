import StellarCore

/// One member of the configuration file: its name and how it is read from and written into a ``DaemonConfiguration``.
struct ConfigurationMember: Sendable {
    typealias Path<Value> = any WritableKeyPath<DaemonConfiguration, Value> & Sendable

    /// What a member's value may be, and where it goes.
    enum Value: Sendable {
        case string(Path<String>)
        case bool(Path<Bool>)
        case port(Path<Int>)
        case strings(Path<[String]>)
        case map(Path<[String: String]>)
        case duration(Path<Duration>)
        case connectionType(Path<DaemonConfiguration.ConnectionType>)
        case overlay(Path<DaemonConfiguration.OverlayKind>)
        case number(Path<Int>, ClosedRange<Int>)
    }

    var name: String
    var value: Value

    init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// Every member, in the order `stellar config` prints them: those of the original in its order, then ours.
    static let all: [ConfigurationMember] = [
        ConfigurationMember("NodeID", .string(\.nodeID)),
        ConfigurationMember("NodeLabels", .map(\.nodeLabels)),
        ConfigurationMember("GRPCAddress", .string(\.grpcAddress)),
        ConfigurationMember("TLSServerCertificate", .string(\.tlsServerCertificate)),
        ConfigurationMember("TLSServerKey", .string(\.tlsServerKey)),
        ConfigurationMember("TLSClientCertificate", .string(\.tlsClientCertificate)),
        ConfigurationMember("TLSClientKey", .string(\.tlsClientKey)),
        ConfigurationMember("TLSInsecureSkipVerify", .bool(\.tlsInsecureSkipVerify)),
        ConfigurationMember("ContainerdAddr", .string(\.containerdAddress)),
        ConfigurationMember("Namespace", .string(\.namespace)),
        ConfigurationMember("DataDir", .string(\.dataDirectory)),
        ConfigurationMember("StateDir", .string(\.stateDirectory)),
        ConfigurationMember("Bridge", .string(\.bridge)),
        ConfigurationMember("UpstreamDNSAddr", .string(\.upstreamDNSAddress)),
        ConfigurationMember("NameserverClients", .strings(\.nameserverClients)),
        ConfigurationMember("ProxyHTTPPort", .port(\.proxyHTTPPort)),
        ConfigurationMember("ProxyHTTPSPort", .port(\.proxyHTTPSPort)),
        ConfigurationMember("ProxyTLSEmail", .string(\.proxyTLSEmail)),
        ConfigurationMember("GatewayAddress", .string(\.gatewayAddress)),
        ConfigurationMember("EventsAddress", .string(\.eventsAddress)),
        ConfigurationMember("EventsClusterAddress", .string(\.eventsClusterAddress)),
        ConfigurationMember("EventsHTTPAddress", .string(\.eventsHTTPAddress)),
        ConfigurationMember("CNIBinPaths", .strings(\.cniBinPaths)),
        ConfigurationMember("CNITimeout", .duration(\.cniTimeout)),
        ConfigurationMember("ConnectionType", .connectionType(\.connectionType)),
        ConfigurationMember("ClusterAddress", .string(\.clusterAddress)),
        ConfigurationMember("AdvertiseAddress", .string(\.advertiseAddress)),
        ConfigurationMember("Debug", .bool(\.debug)),
        ConfigurationMember("Peers", .strings(\.peers)),
        ConfigurationMember("Subnet", .string(\.subnet)),
        ConfigurationMember("ProxyHealthcheckInterval", .duration(\.proxyHealthcheckInterval)),
        ConfigurationMember("TLSServerClientCA", .string(\.tlsServerClientCA)),
        ConfigurationMember("ClusterName", .string(\.clusterName)),
        ConfigurationMember("GossipKey", .string(\.gossipKey)),
        ConfigurationMember("Overlay", .overlay(\.overlay)),
        ConfigurationMember("VXLANPort", .port(\.vxlanPort)),
        ConfigurationMember("VXLANID", .number(\.vxlanID, DaemonConfiguration.vxlanIDs)),
    ]
}
