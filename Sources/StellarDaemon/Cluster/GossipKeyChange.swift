import FoundationEssentials
import StellarAPI
import StellarGossip
import SwiftProtobuf

/// A change of one gossip key, as a request names it.
struct GossipKeyChange: Sendable, Hashable {
    var change: KeyChange
    /// nil: the key with the fingerprint.
    var key: GossipKey?
    var fingerprint: String

    /// - Throws: ``ClusterError``, `invalidArgument`.
    init(_ message: ClusterChangeKeysRequest.Change, key: Data, fingerprint: String) throws(ClusterError) {
        switch message {
        case .add: change = .add
        case .use: change = .use
        case .remove: change = .remove
        case .unknown, .UNRECOGNIZED:
            throw ClusterError(.invalidArgument, "change: say whether to add, use or remove the key")
        }
        guard !key.isEmpty else {
            guard change != .add, !fingerprint.isEmpty else {
                throw ClusterError(.invalidArgument, "key is empty: say which key")
            }
            (self.key, self.fingerprint) = (nil, fingerprint)
            return
        }
        guard let bytes = GossipKey(Array(key)) else {
            throw ClusterError(.invalidArgument, "key has \(key.count) bytes; a key has 16, 24 or 32")
        }
        (self.key, self.fingerprint) = (bytes, bytes.fingerprint)
    }

    /// The same change for another node.
    var request: PeerNodeChangeKeysRequest {
        .with {
            switch change {
            case .add: $0.change = .add
            case .use: $0.change = .use
            case .remove: $0.change = .remove
            }
            if let key { $0.key = Data(key.bytes) }
            $0.fingerprint = fingerprint
        }
    }
}
