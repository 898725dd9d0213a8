import StellarCore
import StellarNet
import StellarStore

/// Where a node's containers are reached, as the node reports it in the replicated store under `<node>/network`. The store
/// keeps it, so the routes to the node are right while it is down, and after any node restarts.
struct NetworkFact: StoredFact {
    /// The host's address. IPv4, as the containers' are.
    var address: IPv4Address
    /// ``OverlayMode/name``
    var overlay: String
    /// Of `vxlan`.
    var networkID: UInt32?
    var port: UInt16?
    /// Largest packet of the host's interface, in bytes.
    var mtu: UInt32?

    init(address: IPv4Address, mode: OverlayMode, mtu: UInt32? = nil) {
        self.address = address
        self.mtu = mtu
        overlay = mode.name
        if case .vxlan(let networkID, let port) = mode { (self.networkID, self.port) = (networkID, port) }
    }

    /// Why this node and `node` do not reach each other's containers; nil where their overlays are alike.
    func mismatch(with other: NetworkFact, of node: String) -> String? {
        guard (overlay, networkID, port) != (other.overlay, other.networkID, other.port) else { return nil }
        return "node \(node) uses \(other.overlayText), this node uses \(overlayText); "
            + "set Overlay, VXLANID and VXLANPort alike on all nodes"
    }

    private var overlayText: String {
        guard let networkID, let port else { return overlay }
        return "\(overlay) (id \(networkID), port \(port))"
    }
}

/// The keys of subnets and routes in the bucket of the network (contract 2.2).
enum NetworkKeys {
    static let subnets = "subnets."
    static let routes = "routes."

    static func subnet(_ node: String) -> String { subnets + encoded(node) }

    /// The claims among the entries; undecodable ones are left out.
    static func claims(_ entries: [StoreEntry]) -> [SubnetClaim] {
        entries.compactMap { entry in
            guard entry.key.key.hasPrefix(subnets), let value = entry.value,
                let subnet = IPv4Subnet(String(decoding: value, as: UTF8.self))
            else { return nil }
            let node = decoded(entry.key.key.dropFirst(subnets.count))
            return SubnetClaim(node: node, subnet: subnet, stamp: entry.stamp.rawValue)
        }
    }

    /// The routes that people added: `routes.<CIDR>` is `<CIDR>:<address>`.
    static func added(_ entries: [StoreEntry]) -> [AddedRoute] {
        entries.compactMap { entry in
            guard entry.key.key.hasPrefix(routes), let value = entry.value,
                let subnet = IPv4Subnet(String(entry.key.key.dropFirst(routes.count)))
            else { return nil }
            let text = String(decoding: value, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":"),
                let target = IPv4Address(String(text[text.index(after: colon)...]))
            else { return nil }
            return AddedRoute(destination: subnet, target: target)
        }
    }

    /// A dot of a node's name would end it in `ips.<node>.<container id>`.
    static func encoded(_ node: String) -> String {
        node.replacing("%", with: "%25").replacing(".", with: "%2E")
    }

    static func decoded(_ text: some StringProtocol) -> String {
        String(text).replacing("%2E", with: ".").replacing("%25", with: "%")
    }
}
