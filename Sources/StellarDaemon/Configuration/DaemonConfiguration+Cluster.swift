import StellarAPI
import StellarRPC
import StellarStore

extension DaemonConfiguration {
    /// What is worth a warning in the log when gossip begins: what is allowed, and yet likely not meant.
    func gossipWarnings(isEncrypted: Bool) -> [String] {
        var warnings: [String] = []
        let isOpen = !(HostPort(clusterAddress)?.isLoopback ?? true)
        if isOpen, !isEncrypted {
            warnings.append(
                "gossip is not encrypted: anyone who can reach \(clusterAddress) can join and mark nodes as failed"
                    + (StoreTrust(self, isEncrypted: false) == .gossip ? " and write what should run" : "")
                    + "; give all nodes a --gossip-key"
            )
        }
        if isOpen, HostPort(announcedAddress)?.isLoopback ?? false {
            warnings.append(
                "the API listens on \(grpcAddress) alone: other nodes cannot call this one"
                    + (StoreTrust(self, isEncrypted: isEncrypted) == .nobody
                        ? "; as gossip is open, this node accepts no writes of other nodes and sends none" : "")
                    + "; set --agent-addr"
            )
        }
        return warnings
    }

    /// How other nodes' APIs are spoken to; nil is plaintext.
    ///
    /// Where nothing is said of it, they are taken to be as this one is: behind TLS where this one is, with certificates of
    /// the same authorities, to which this node shows its own.
    func clientTLS() throws -> RPCTLSConfiguration.Client? {
        let isSaid = !tlsClientCertificate.isEmpty || !tlsClientKey.isEmpty || tlsInsecureSkipVerify
        if !isSaid, !tlsServerCertificate.isEmpty, tlsServerClientCA.isEmpty { return RPCTLSConfiguration.Client() }
        let isMutual = !tlsServerClientCA.isEmpty && (!isSaid || !tlsClientKey.isEmpty)
        let (certificate, key) = isSaid ? (tlsClientCertificate, tlsClientKey) : (tlsServerCertificate, tlsServerKey)
        guard isSaid || isMutual else { return nil }
        let files = ClientTLS(
            certificate: certificate.isEmpty ? nil : certificate,
            key: key.isEmpty ? nil : key,
            authorities: isMutual ? tlsServerClientCA : nil,
            skipVerification: tlsInsecureSkipVerify
        )
        do {
            return try files.configuration()
        } catch {
            throw StartError(
                "TLSClientKey belongs to TLSClientCertificate; set both, or the certificate alone",
                status: .badConfiguration
            )
        }
    }
}
