import StellarCore
import StellarGossip
import StellarNet

/// What a node tells the others of its network, in the replicated store under `<node>/network`: where its containers are
/// reached. It says so itself, so that the ways to it are right while it is away, and after anybody's restart.
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
}

/// The keys of subnets and routes in the bucket of the network (contract 2.2).
enum NetworkKeys {
    static let subnets = "subnets."
    static let routes = "routes."

    static func subnet(_ node: String) -> String { subnets + encoded(node) }

    /// The claims among the entries; what does not read is none.
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
