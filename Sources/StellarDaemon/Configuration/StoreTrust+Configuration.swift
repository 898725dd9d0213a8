import StellarStore

extension StoreTrust {
    init(_ configuration: DaemonConfiguration, isEncrypted: Bool) {
        func isLocal(_ address: String) -> Bool { HostPort(address)?.isLoopback ?? true }
        if isEncrypted || isLocal(configuration.clusterAddress) {
            self = .gossip
        } else if !configuration.tlsServerClientCA.isEmpty {
            self = .exchanges
        } else {
            self = isLocal(configuration.grpcAddress) ? .nobody : .gossip
        }
    }
}
