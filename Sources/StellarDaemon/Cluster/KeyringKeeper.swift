import NIOPosix
import StellarGossip
import StellarSystem

/// This node's gossip keys: in its file and in use, in this order, so that no crash loses a key that others encrypt with.
actor KeyringKeeper {
    /// Each packet that none fits is tried with all of them; a rotation needs two.
    static let maximumKeys = 16

    private var keyring: Keyring?
    private let file: KeyringFile
    private let gossip: any GossipPort
    private let turn = KeyedLock<Int>()

    init(_ keyring: Keyring?, file: KeyringFile, gossip: any GossipPort) {
        self.keyring = keyring
        self.file = file
        self.gossip = gossip
    }

    /// The primary one first; none where gossip is not encrypted.
    var keys: [GossipKey] { keyring?.keys ?? [] }

    /// - Parameters:
    ///   - key: The key; nil where `fingerprint` says which of those that are here is meant.
    /// - Returns: The key's fingerprint. What is so already is fine.
    func change(_ change: KeyChange, _ key: GossipKey?, fingerprint: String) async throws -> String {
        try await turn.withUncancelledLock(0) { try await self.changeInTurn(change, key, fingerprint) }
    }

    private func changeInTurn(_ change: KeyChange, _ key: GossipKey?, _ fingerprint: String) async throws -> String {
        guard var changed = keyring else {
            throw ClusterError(.failedPrecondition, "gossip is not encrypted here; start the daemon with --gossip-key")
        }
        guard let key = key ?? changed.keys.first(where: { $0.fingerprint == fingerprint }) else {
            if change == .remove { return fingerprint }
            throw ClusterError(.notFound, "there is no key \(fingerprint) here; add it first")
        }
        do {
            switch change {
            case .add: changed.add(key)
            case .use: try changed.use(key)
            case .remove: try changed.remove(key)
            }
        } catch KeyringError.isPrimary {
            throw ClusterError(.failedPrecondition, "\(key.fingerprint) is in use here; use another key first")
        } catch {
            throw ClusterError(.notFound, "there is no key \(key.fingerprint) here; add it first")
        }
        guard changed.keys.count <= Self.maximumKeys else {
            throw ClusterError(.resourceExhausted, "there are \(Self.maximumKeys) keys already; remove one first")
        }
        guard changed != keyring else { return key.fingerprint }
        let (file, written) = (file, changed)
        try await NIOThreadPool.singleton.runIfActive { try file.save(written) }
        keyring = changed
        try await gossip.change(change, key)
        return key.fingerprint
    }
}
