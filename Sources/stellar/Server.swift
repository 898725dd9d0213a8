import ArgumentParser
import Logging
import StellarDaemon

/// `stellar server`: runs the daemon.
struct Server: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon until SIGTERM or SIGINT.",
        discussion: "Flags win over the file of --config. Containers go on when the daemon stops. Files of "
            + "certificates are read again when they change; SIGHUP does so at once."
    )

    @ParentCommand var parent: Stellar
    @Option(help: "The configuration file (JSON, as 'stellar config' prints it).") var config: String?
    @Option(name: .shortAndLong, help: "This node's name (default: the host name).") var nodeName: String?
    @Option(name: .shortAndLong, help: "What must survive a reboot (default: /var/lib/stellar).") var dataDir: String?
    @Option(name: .shortAndLong, help: "What must not (default: /run/stellar).") var stateDir: String?
    @Option(help: "The bridge of the containers (default: stellar0).") var bridge: String?
    @Option(name: .shortAndLong, help: "Host of the API (default: the bind address).") var agentAddr: String?
    @Option(name: [.customShort("p"), .long], help: "Port of the API (default: 9000).") var agentPort: Int?
    @Option(name: .shortAndLong, help: "containerd's socket (or the configuration file).") var containerdAddr: String?
    @Option(help: "containerd's namespace (default: default).") var namespace: String?
    @Option(help: "What is cut into one subnet per node (default: 172.16.0.0/12).") var subnet: String?
    @Option(help: "Ways between nodes' containers: routes (default; nodes share a link) or vxlan; alike on all nodes.")
    var overlay: String?
    @Option(help: "UDP port of vxlan (default: 4789).") var vxlanPort: Int?
    @Option(name: .customLong("vxlan-id"), help: "The network's number in vxlan (default: 5461068).") var vxlanID: Int?
    @Option(name: [.customShort("t"), .long], help: "Gossip profile: local (default), lan or wan.")
    var connectionType: String?
    @Option(help: "Address that gossip listens on (default: detected).") var bindAddr: String?
    @Option(help: "Address that other nodes reach this one on, as behind a NAT (default: the bind address).")
    var advertiseAddr: String?
    @Option(help: "Port that gossip listens on (default: 7946).") var bindPort: Int?
    @Option(help: "Port that other nodes reach gossip on (default: the bind port).") var advertisePort: Int?
    @Option(name: .customLong("proxy-http-port"), help: "The proxy's port.") var proxyHTTPPort: Int?
    @Option(name: .customLong("proxy-https-port"), help: "The proxy's TLS port.") var proxyHTTPSPort: Int?
    @Option(name: .customLong("proxy-tls-email"), help: "Who orders certificates.") var proxyTLSEmail: String?
    @Option(help: "How often the proxy probes (a duration such as 5s).") var proxyHealthcheckInterval: String?
    @Option(help: "host:port of the resolver for other names (default: the host's).") var upstreamDNSAddr: String?
    @Option(help: "HOST[:PORT] of a node to join; tried for ever, names resolved again each time; may be repeated.")
    var peer: [String] = []
    @Option(help: "Only nodes with the same cluster name accept each other's gossip (default: none).")
    var clusterName: String?
    @Option(help: "Encrypt gossip: 16, 24 or 32 bytes in base64 or hexadecimal, or a file. See: sctl cluster keys.")
    var gossipKey: String?
    @Option(help: "KEY=VALUE for placement; may be repeated.") var label: [String] = []
    @Option(help: "A directory of CNI plugins, instead of the usual ones; may be repeated.")
    var cniBinPath: [String] = []
    @Option(help: "How long a CNI plugin may take (a duration, default: 20s).") var cniTimeout: String?
    @Option(help: "A network (CIDR) beside this node's containers that may ask the nameserver; may be repeated.")
    var dnsClient: [String] = []
    @Option(help: "A directory of containerd's hosts.toml files (default: /etc/containerd/certs.d); may be repeated.")
    var registryHostsDir: [String] = []
    @Option(name: .customLong("tls-cert"), help: "The API's certificate (PEM).") var tlsCertificate: String?
    @Option(help: "The API's private key (PEM).") var tlsKey: String?
    @Option(
        name: .customLong("tls-client-ca"),
        help: "Serve only clients with a certificate of one of these authorities (PEM)."
    )
    var tlsClientCA: String?

    func run() async throws {
        do {
            let settings = try DefaultConfiguration.load(file: config, flags: flags)
            let level: Logger.Level = settings.debug ? .debug : .info
            let logger = Logger(label: "stellar") { StandardErrorLog(label: $0, level: level) }
            try await Daemon(settings, logger: logger).run()
        } catch {
            StandardErrorLog.fatal("\(error)")
            throw ExitCode(ExitStatus(of: error).rawValue)
        }
    }

    private var flags: ServerFlags {
        var flags = ServerFlags()
        (flags.nodeName, flags.dataDirectory, flags.stateDirectory) = (nodeName, dataDir, stateDir)
        (flags.bridge, flags.agentAddress, flags.agentPort) = (bridge, agentAddr, agentPort)
        (flags.containerdAddress, flags.namespace, flags.subnet) = (containerdAddr, namespace, subnet)
        (flags.connectionType, flags.bindAddress, flags.bindPort) = (connectionType, bindAddr, bindPort)
        (flags.advertiseAddress, flags.advertisePort) = (advertiseAddr, advertisePort)
        (flags.proxyHTTPPort, flags.proxyHTTPSPort, flags.proxyTLSEmail) = (
            proxyHTTPPort, proxyHTTPSPort, proxyTLSEmail
        )
        (flags.proxyHealthcheckInterval, flags.upstreamDNSAddress) = (proxyHealthcheckInterval, upstreamDNSAddr)
        (flags.peers, flags.labels, flags.cniBinPaths) = (peer, label, cniBinPath)
        (flags.registryHostsDirectories, flags.cniTimeout, flags.nameserverClients) = (
            registryHostsDir, cniTimeout, dnsClient
        )
        (flags.overlay, flags.vxlanPort, flags.vxlanID) = (overlay, vxlanPort, vxlanID)
        (flags.clusterName, flags.gossipKey) = (clusterName, gossipKey)
        (flags.tlsCertificate, flags.tlsKey, flags.tlsClientCA) = (tlsCertificate, tlsKey, tlsClientCA)
        flags.debug = parent.debug
        return flags
    }
}
