import StellarCore
import StellarGossip

extension DaemonConfiguration {
    /// Sets what the flags say. Addresses are composed as the original did: gossip listens on the bind address, the API
    /// on the agent address or else the bind address.
    public mutating func apply(_ flags: ServerFlags) throws(ConfigurationError) {
        var problems: [String] = []
        set(flags.nodeName, \.nodeID)
        set(flags.dataDirectory, \.dataDirectory)
        set(flags.stateDirectory, \.stateDirectory)
        set(flags.bridge, \.bridge)
        set(flags.containerdAddress, \.containerdAddress)
        set(flags.namespace, \.namespace)
        set(flags.subnet, \.subnet)
        set(flags.vxlanPort, \.vxlanPort)
        set(flags.vxlanID, \.vxlanID)
        set(flags.proxyTLSEmail, \.proxyTLSEmail)
        set(flags.proxyHTTPPort, \.proxyHTTPPort)
        set(flags.proxyHTTPSPort, \.proxyHTTPSPort)
        set(flags.tlsCertificate, \.tlsServerCertificate)
        set(flags.tlsKey, \.tlsServerKey)
        set(flags.tlsClientCA, \.tlsServerClientCA)
        set(flags.upstreamDNSAddress, \.upstreamDNSAddress)
        set(flags.clusterName, \.clusterName)
        set(flags.gossipKey, \.gossipKey)
        if !flags.peers.isEmpty { peers = flags.peers }
        if !flags.cniBinPaths.isEmpty { cniBinPaths = flags.cniBinPaths }
        if !flags.registryHostsDirectories.isEmpty { registryHostsDirectories = flags.registryHostsDirectories }
        if !flags.nameserverClients.isEmpty { nameserverClients = flags.nameserverClients }
        if flags.debug { debug = true }
        for label in flags.labels {
            guard let (key, value) = Labels.split(label) else {
                problems.append("--label: \"\(label)\" is not KEY=VALUE")
                continue
            }
            nodeLabels[key] = value
        }
        if let text = flags.connectionType {
            if let type = ConnectionType(rawValue: text) {
                connectionType = type
            } else {
                problems.append("--connection-type: unknown connection type \"\(text)\"; use local, lan or wan")
            }
        }
        if let text = flags.overlay {
            if let kind = OverlayKind(rawValue: text) {
                overlay = kind
            } else {
                problems.append("--overlay: unknown overlay \"\(text)\"; use routes or vxlan")
            }
        }
        for (flag, text, path) in [
            ("--proxy-healthcheck-interval", flags.proxyHealthcheckInterval, \Self.proxyHealthcheckInterval),
            ("--cni-timeout", flags.cniTimeout, \Self.cniTimeout),
        ] {
            guard let text else { continue }
            guard let duration = GoDuration.parse(text), duration > .zero else {
                problems.append("\(flag): \"\(text)\" is not a duration such as 5s or 1m30s")
                continue
            }
            self[keyPath: path] = duration
        }
        Self.replace(&clusterAddress, host: flags.bindAddress, port: flags.bindPort)
        // A node that listens on every address announces the detected one.
        let bound = flags.bindAddress.flatMap { HostPort(host: $0, port: 1).isEveryAddress ? nil : $0 }
        Self.replace(
            &advertiseAddress,
            host: flags.advertiseAddress ?? bound,
            port: flags.advertisePort ?? flags.bindPort
        )
        Self.replace(&grpcAddress, host: flags.agentAddress ?? flags.bindAddress, port: flags.agentPort)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// Everything that must hold before the daemon can start, each problem naming the member and the fix.
    public func validate() throws(ConfigurationError) {
        var problems: [String] = []
        if nodeID.isEmpty { problems.append("NodeID is empty; set it, or --node-name") }
        if HostPort(grpcAddress) == nil {
            problems.append(
                "GRPCAddress: \"\(grpcAddress)\" is not host:port with a port of 1-65535, such as 10.0.1.33:9000"
            )
        }
        problems += gossipProblems
        if !upstreamDNSAddress.isEmpty, HostPort(upstreamDNSAddress, defaultPort: 53) == nil {
            problems.append("UpstreamDNSAddr: \"\(upstreamDNSAddress)\" is not host:port, such as 1.1.1.1:53")
        }
        // IFNAMSIZ is 16 with the terminating zero (linux/if.h).
        if bridge.isEmpty || bridge.utf8.count > 15 || bridge.contains("/") || bridge.contains(" ") {
            problems.append("Bridge: \"\(bridge)\" is not an interface name (1-15 characters, no slash or space)")
        }
        do {
            _ = try IPv4Subnet.parse(subnet).nodeSubnets()
        } catch {
            problems.append("Subnet: \(error)")
        }
        if !(1...65_535).contains(vxlanPort) { problems.append("VXLANPort: \(vxlanPort) is not a port (1-65535)") }
        if !Self.vxlanIDs.contains(vxlanID) {
            problems.append("VXLANID: \(vxlanID) is not in \(Self.vxlanIDs.lowerBound)-\(Self.vxlanIDs.upperBound)")
        }
        for text in nameserverClients {
            do {
                _ = try IPv4Subnet.parse(text)
            } catch {
                problems.append("NameserverClients: \(error)")
            }
        }
        if cniTimeout <= .zero { problems.append("CNITimeout: a CNI plugin needs some time, such as 20s") }
        if tlsServerCertificate.isEmpty != tlsServerKey.isEmpty {
            problems.append("TLSServerCertificate and TLSServerKey belong together; set both or none")
        }
        if !tlsServerClientCA.isEmpty, tlsServerCertificate.isEmpty {
            problems.append(
                "TLSServerClientCA needs TLSServerCertificate and TLSServerKey; without them there is no TLS"
            )
        }
        for (name, path) in [("DataDir", dataDirectory), ("StateDir", stateDirectory)] where !path.hasPrefix("/") {
            problems.append("\(name): \"\(path)\" is not an absolute path")
        }
        if socketPath.utf8.count > Self.maximumSocketPathBytes {
            problems.append(
                "StateDir: \"\(stateDirectory)\" is too long: the path of the socket in it has \(socketPath.utf8.count) "
                    + "bytes, and the limit is \(Self.maximumSocketPathBytes)"
            )
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    private var gossipProblems: [String] {
        var problems: [String] = []
        for (name, flag, text) in [
            ("ClusterAddress", "--bind-addr", clusterAddress),
            ("AdvertiseAddress", "--advertise-addr", advertiseAddress),
        ] {
            guard let address = HostPort(text) else {
                problems.append("\(name): \"\(text)\" is not host:port with a port of 1-65535, such as 10.0.1.33:7946")
                continue
            }
            if !address.isNumeric {
                problems.append("\(name): \"\(address.host)\" is not an IP address; set one, or \(flag)")
            }
        }
        if let advertised = HostPort(advertiseAddress), advertised.isEveryAddress {
            problems.append(
                "AdvertiseAddress: nobody reaches this node on \(advertised.host); set its address with --advertise-addr"
            )
        }
        for peer in peers where PeerAddress(peer) == nil {
            problems.append("Peers: \"\(peer)\" is not HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT")
        }
        if clusterName.utf8.count > Self.maximumClusterNameBytes {
            problems.append(
                "ClusterName: has \(clusterName.utf8.count) bytes, and the limit is \(Self.maximumClusterNameBytes)"
            )
        }
        return problems
    }

    /// A label of memberlist has its length in one byte.
    private static let maximumClusterNameBytes = 255

    /// sockaddr_un has room for 108 bytes with the terminating zero (unix(7)).
    private static let maximumSocketPathBytes = 107

    private mutating func set<Value>(_ value: Value?, _ path: WritableKeyPath<DaemonConfiguration, Value>) {
        if let value { self[keyPath: path] = value }
    }

    private static func replace(_ address: inout String, host: String?, port: Int?) {
        guard host != nil || port != nil else { return }
        // validate() reports an address that cannot be parsed; here it stays as it is.
        let old = HostPort(address)
        guard let newHost = host ?? old?.host, let newPort = port ?? old?.port else { return }
        address = HostPort(host: newHost, port: newPort).description
    }
}
