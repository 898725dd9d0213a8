import ArgumentParser
import StellarDaemon

/// `stellar config`: the default configuration.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the default configuration, to be edited and given to 'stellar server --config'."
    )

    @Option(help: "The node's name (default: STELLAR_CONFIG_NODE_ID, or the host name).")
    var nodeID: String?

    @Option(name: .shortAndLong, help: "The interface whose address to use (default: STELLAR_CONFIG_NIC, or detected).")
    var nic: String?

    @Option(
        name: .shortAndLong,
        help: "HOST[:PORT] of a node to join; may be repeated (default: STELLAR_CONFIG_PEERS)."
    )
    var peer: [String] = []

    @Option(help: "containerd's namespace (default: CONTAINERD_NAMESPACE, or default).")
    var namespace: String?

    func run() throws {
        print(
            DefaultConfiguration.text(nodeID: nodeID, interface: nic, peers: peer, namespace: namespace),
            terminator: ""
        )
    }
}
