import FoundationEssentials
import StellarCore
import StellarStore

/// What each node reports of itself, in the replicated store, under keys that begin with its name: `<node>/info` is
/// its machine, `<node>/network` where its containers are reached, `<node>/slots/<container id>` what one of its slots does.
/// Nobody else writes there.
enum NodeFacts {
    private static let info = "info"
    private static let network = "network"

    /// The beginning of all keys of a node.
    static func prefix(_ node: String) -> String { escaped(node) + "/" }

    static func infoKey(_ node: String) -> StoreKey {
        StoreKey(StoreBucket.nodes, prefix(node) + info)
    }

    static func networkKey(_ node: String) -> StoreKey {
        StoreKey(StoreBucket.nodes, prefix(node) + network)
    }

    static func slotKey(_ node: String, _ id: ContainerID) -> StoreKey {
        StoreKey(StoreBucket.nodes, "\(prefix(node))slots/\(id)")
    }

    /// The node and the slot of a key; nil where the key is no slot's.
    static func slot(_ key: String) -> (node: String, id: ContainerID)? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == "slots", let id = ContainerID(String(parts[2])) else { return nil }
        return (unescaped(parts[0]), id)
    }

    /// The node of a key; nil where it is no node's machine.
    static func node(ofInfo key: String) -> String? { node(of: key, info) }

    /// The node of a key; nil where it is no node's network.
    static func node(ofNetwork key: String) -> String? { node(of: key, network) }

    private static func node(of key: String, _ fact: String) -> String? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[1] == fact ? unescaped(parts[0]) : nil
    }

    /// A node may be named anything; a slash would end its name.
    private static func escaped(_ node: String) -> String {
        node.replacing("%", with: "%25").replacing("/", with: "%2F")
    }

    private static func unescaped(_ text: Substring) -> String {
        String(text).replacing("%2F", with: "/").replacing("%25", with: "%")
    }
}

/// A fact as it is stored: JSON, in which the same fact has the same bytes.
protocol StoredFact: Codable, Sendable, Hashable {}

extension StoredFact {
    var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return Array((try? encoder.encode(self)) ?? Data())
    }

    /// nil for what cannot be decoded: another version's, or nonsense.
    init?(_ bytes: [UInt8]) {
        guard let fact = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
        self = fact
    }
}

/// A node's machine.
extension NodeCapacity: StoredFact {}

/// What a slot does, as its node reports it.
struct SlotFact: StoredFact {
    struct Port: Sendable, Hashable, Codable {
        var service: String
        var `protocol`: String
        var port: UInt16
    }

    var state: Reported<SlotState>
    var address: String?
    var pid: UInt32 = 0
    /// Seconds since 1970.
    var startedAt: Int64 = 0
    var restarts = 0
    var reason = ""
    var endpoints: [Port] = []

    init(_ status: SlotStatus, endpoints: [Endpoint]) {
        state = .known(status.state)
        address = status.address?.description
        (pid, startedAt, restarts, reason) = (status.pid, status.startedAt, status.restarts, status.reason)
        self.endpoints = endpoints.map {
            Port(service: $0.service, protocol: $0.protocol.rawValue, port: $0.port)
        }
    }

    /// The nameserver's records; none unless it runs.
    func records(_ id: ContainerID, node: String) -> [Record] {
        guard state == .known(.running), let address = address.flatMap({ IPv4Address($0) }) else { return [] }
        return SlotRecords.records(
            of: id,
            endpoints: endpoints.map { ($0.service, $0.protocol, $0.port) },
            address: address,
            node: node,
            updated: WallClock.rfc3339(startedAt)
        )
    }
}

extension StorePort {
    /// The nodes that have reported facts, and were not forgotten.
    var machines: [String] {
        entries(StoreBucket.nodes).compactMap { NodeFacts.node(ofInfo: $0.key.key) }
    }

    /// What a node reports of its machine.
    func capacity(of node: String) -> NodeCapacity? {
        entry(StoreBucket.nodes, NodeFacts.infoKey(node).key)?.value.flatMap { NodeCapacity($0) }
    }

    /// What a node reports of its network.
    func network(of node: String) -> NetworkFact? {
        entry(StoreBucket.nodes, NodeFacts.networkKey(node).key)?.value.flatMap { NetworkFact($0) }
    }

    /// What a node reports of one of its slots.
    func fact(of id: ContainerID, on node: String) -> SlotFact? {
        entry(StoreBucket.nodes, NodeFacts.slotKey(node, id).key)?.value.flatMap { SlotFact($0) }
    }
}
