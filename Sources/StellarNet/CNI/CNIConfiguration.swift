import FoundationEssentials

/// The network configuration that a plugin gets on standard input.
enum CNIConfiguration: Sendable, Hashable {
    /// The container's own loopback interface.
    case loopback
    /// The node's bridge, with addresses from the daemon.
    case bridge(Bridge)

    struct Bridge: Sendable, Hashable {
        /// The bridge's interface name.
        var name: String
        var nodeID: String
        /// The daemon's gRPC address, host:port.
        var peerAddress: String
        /// The daemon's unix socket, preferred to `peerAddress`.
        var socket: String?
        /// Largest packet of the containers' interfaces, in bytes; the kernel's own unless given.
        var mtu: UInt32?
    }

    /// The network's name in configurations.
    static let networkName = "stellar"
    static let ipamPlugin = "stellar-cni-ipam"

    /// The plugin's name.
    var type: String {
        switch self {
        case .loopback: "loopback"
        case .bridge: "bridge"
        }
    }

    private struct Document: Encodable {
        var cniVersion: CNIVersion
        var name: String
        var type: String
        var bridge: String?
        var isGateway: Bool?
        var hairpinMode: Bool?
        var ipMasq: Bool?
        var mtu: UInt32?
        var ipam: IPAM
    }

    private struct IPAM: Encodable {
        struct Address: Encodable {
            var address: String
        }

        // The member names are those that stellar-cni-ipam reads.
        enum CodingKeys: String, CodingKey {
            case type, addresses, socket
            case nodeID = "node_name"
            case peerAddress = "peer_addr"
        }

        var type: String
        var addresses: [Address]?
        var nodeID: String?
        var peerAddress: String?
        var socket: String?
    }

    /// The JSON text. `previous` is the text of the result of ADD.
    func encoded(version: CNIVersion, previous: [UInt8]? = nil) throws -> [UInt8] {
        let document =
            switch self {
            case .loopback:
                Document(
                    cniVersion: version,
                    name: "loopback",
                    type: type,
                    ipam: IPAM(type: "static", addresses: [.init(address: "127.0.0.1/8")])
                )
            case .bridge(let bridge):
                Document(
                    cniVersion: version,
                    name: Self.networkName,
                    type: type,
                    bridge: bridge.name,
                    isGateway: true,
                    hairpinMode: true,
                    // The node's firewall masquerades for all containers (``NodeFirewall``).
                    ipMasq: false,
                    mtu: bridge.mtu,
                    ipam: IPAM(
                        type: Self.ipamPlugin,
                        nodeID: bridge.nodeID,
                        peerAddress: bridge.peerAddress,
                        socket: bridge.socket
                    )
                )
            }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = Array(try encoder.encode(document))
        if let previous {
            // The result goes on as the plugin printed it, with members that are unknown here.
            text.removeLast()
            text += Array(#","prevResult":"#.utf8) + previous + Array("}".utf8)
        }
        return text
    }
}
