import StellarAPI
import StellarCore
import StellarGossip
import SwiftProtobuf

/// What a node announces of itself in the metadata of its gossip: a protobuf `io.stellar.element.v1.Peer`, whose
/// size is limited to 512 bytes by memberlist.
struct NodeAnnouncement: Sendable, Hashable {
    /// `host:port` of its API; empty where it has none, such as a member that is no stellar.
    var address: String
    var labels: Labels

    init(address: String, labels: Labels = Labels()) {
        self.address = address
        self.labels = labels
    }

    /// - Parameter metadata: Anything.
    init(metadata: [UInt8]) {
        guard let peer = try? ElementPeer(serializedBytes: metadata), let address = HostPort(peer.address) else {
            self.init(address: "")
            return
        }
        self.init(address: address.description, labels: Labels(peer.labels))
    }

    /// The metadata, with the labels that fit, by key, and the keys of those that do not.
    func metadata(limit: Int = WireLimits.metadata) throws -> (bytes: [UInt8], left: [String]) {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        var peer = ElementPeer()
        peer.address = address
        var bytes: [UInt8] = try peer.serializedBytes(options: options)
        guard bytes.count <= limit else { throw StartError("GRPCAddress: \"\(address)\" is too long to be announced") }
        var left: [String] = []
        for (key, value) in labels.dictionary.sorted(by: { $0.key < $1.key }) {
            var longer = peer
            longer.labels[key] = value
            let encoded: [UInt8] = try longer.serializedBytes(options: options)
            if encoded.count <= limit {
                (peer, bytes) = (longer, encoded)
            } else {
                left.append(key)
            }
        }
        return (bytes, left)
    }
}
