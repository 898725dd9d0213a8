import StellarCore
import StellarGossip
import StellarNet
import StellarRPC
import StellarStorage
import StellarSystem

/// Subnets of nodes and addresses of containers: allocated in memory, on the disk before anyone is told. Subnets and routes
/// are in the replicated store; addresses are this node's alone, as each is of its own subnet.
///
/// Keys are those of the original (contract 2.2): `subnets.<node>` and `ips.<node>.<container id>`. A dot of a node's
/// name is written `%2E` there, or two nodes could share a key.
actor AddressBook {
    private let store: any StorePort
    private let database: Database
    private let cluster: IPv4Subnet
    private let all: [IPv4Subnet]
    private var subnets: [String: IPv4Subnet] = [:]
    private var pools: [String: AddressPool] = [:]
    private var routes: [String: String] = [:]
    private let turn = KeyedLock<Int>()

    /// - Parameter cluster: What is cut into 1024 subnets.
    init(store: any StorePort, database: Database, cluster: IPv4Subnet) throws {
        self.store = store
        self.database = database
        self.cluster = cluster
        all = try cluster.nodeSubnets()
    }

    /// Reads back what is stored. Subnets that are not of the cluster's range (it was changed) are dropped, with their
    /// addresses.
    func load() async throws {
        for entry in store.entries(StoreBucket.network) {
            let value = String(decoding: entry.value ?? [], as: UTF8.self)
            if let node = entry.key.key.after("subnets.") {
                if let subnet = IPv4Subnet(value), all.contains(subnet) {
                    subnets[Self.decoded(node)] = subnet
                    pools[Self.decoded(node)] = AddressPool(subnet: subnet)
                }
            } else if let cidr = entry.key.key.after("routes."), let colon = value.firstIndex(of: ":") {
                routes[String(cidr)] = String(value[value.index(after: colon)...])
            }
        }
        let entries = try await database.read { try Buckets($0).entries(in: StoreBucket.network, prefix: "ips.") }
        var addresses: [(node: String, id: String, address: IPv4Address)] = []
        for entry in entries {
            guard let rest = entry.key.after("ips."), let dot = rest.firstIndex(of: "."),
                let address = IPv4Address(String(decoding: entry.value, as: UTF8.self))
            else { continue }
            addresses.append((Self.decoded(rest[..<dot]), String(rest[rest.index(after: dot)...]), address))
        }
        for (node, id, address) in addresses { try? pools[node]?.reserve(address, for: id) }
    }

    /// The subnet of a node, or nil.
    func subnet(of node: String) -> IPv4Subnet? { subnets[node] }

    /// All subnets a node could have.
    func allSubnets() -> [IPv4Subnet] { all }

    /// The node's subnet: the one it has, or the lowest that no node has.
    func allocateSubnet(_ node: String) async throws -> IPv4Subnet {
        try await turn.withUncancelledLock(0) { try await self.allocateSubnetInTurn(node) }
    }

    private func allocateSubnetInTurn(_ node: String) async throws -> IPv4Subnet {
        guard !node.isEmpty else { throw RPCError(.invalidArgument, "node is empty: a subnet belongs to a node") }
        if let subnet = subnets[node] { return subnet }
        let subnet = try SubnetPlan.lowestFree(of: cluster, taken: subnets.values)
        let key = "subnets.\(Self.encoded(node))"
        let change = StoreChange(StoreBucket.network, key, Array(subnet.description.utf8))
        try await store.write([change]) { connection in
            // Addresses of an earlier range would otherwise come back with the next start.
            for stale in try Buckets(connection).entries(in: StoreBucket.network, prefix: "ips.\(Self.encoded(node)).")
            {
                try Buckets(connection).remove(stale.key, in: StoreBucket.network)
            }
        }
        subnets[node] = subnet
        pools[node] = AddressPool(subnet: subnet)
        return subnet
    }

    /// The addresses of containers, new ones where they have none.
    func allocate(_ ids: [String], node: String) async throws -> [String: IPv4Address] {
        try await allocate(ids, node: node, changes: []) { _ in }.addresses
    }

    /// The addresses of containers, new ones where they have none, on the disk in one transaction with `changes` of the
    /// store and with `alongside`.
    func allocate(
        _ ids: [String],
        node: String,
        changes: [StoreChange],
        alongside: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> (addresses: [String: IPv4Address], entries: [StoreEntry]) {
        try await turn.withUncancelledLock(0) {
            try await self.allocateInTurn(ids, node: node, changes: changes, alongside: alongside)
        }
    }

    private func allocateInTurn(
        _ ids: [String],
        node: String,
        changes: [StoreChange],
        alongside: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> (addresses: [String: IPv4Address], entries: [StoreEntry]) {
        guard var pool = pools[node] else {
            throw RPCError(.failedPrecondition, "node \(node) has no subnet; allocate one first")
        }
        var addresses: [String: IPv4Address] = [:]
        var new: [(key: String, value: [UInt8])] = []
        for id in ids {
            guard !id.isEmpty else {
                throw RPCError(.invalidArgument, "id is empty: an address belongs to a container")
            }
            let had = pool.address(of: id) != nil
            do {
                let address = try pool.allocate(id)
                addresses[id] = address
                if !had { new.append((Self.key(id, node: node), Array(address.description.utf8))) }
            } catch {
                throw RPCError(.resourceExhausted, "node \(node): \(error); delete apps, or configure a larger Subnet")
            }
        }
        let rows = new
        let entries = try await store.write(changes) { connection in
            for row in rows { try Buckets(connection).set(row.key, in: StoreBucket.network, to: row.value) }
            try alongside(connection)
        }
        pools[node] = pool
        return (addresses, entries)
    }

    /// The address of a container, or nil.
    func address(of id: String, node: String) -> IPv4Address? { pools[node]?.address(of: id) }

    /// The ids that have addresses.
    func ids(node: String) -> [String] { pools[node]?.allocations.map(\.id) ?? [] }

    /// Frees a container's address; none is fine.
    func release(_ id: String, node: String) async throws {
        try await turn.withUncancelledLock(0) { try await self.releaseInTurn(id, node: node) }
    }

    private func releaseInTurn(_ id: String, node: String) async throws {
        guard pools[node]?.address(of: id) != nil else { return }
        try await database.write(durability: .lazy) { connection in
            try Buckets(connection).remove(Self.key(id, node: node), in: StoreBucket.network)
        }
        pools[node]?.release(id)
    }

    /// Routes to other nodes' subnets, by CIDR.
    func allRoutes() -> [(cidr: String, target: String)] {
        routes.sorted { $0.key < $1.key }.map { (cidr: $0.key, target: $0.value) }
    }

    func addRoute(_ cidr: String, target: String) async throws {
        try await store.write([StoreChange(StoreBucket.network, "routes.\(cidr)", Array("\(cidr):\(target)".utf8))])
        routes[cidr] = target
    }

    func deleteRoute(_ cidr: String) async throws {
        try await store.write([StoreChange(StoreBucket.network, "routes.\(cidr)", nil)])
        routes[cidr] = nil
    }

    private static func key(_ id: String, node: String) -> String { "ips.\(encoded(node)).\(id)" }

    private static func encoded(_ node: String) -> String {
        String(node.flatMap { $0 == "." ? Array("%2E") : $0 == "%" ? Array("%25") : [$0] })
    }

    private static func decoded(_ text: Substring) -> String {
        var out = ""
        var rest = text
        while let character = rest.first {
            if rest.hasPrefix("%2E") {
                out += "."
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("%25") {
                out += "%"
                rest = rest.dropFirst(3)
            } else {
                out.append(character)
                rest = rest.dropFirst()
            }
        }
        return out
    }
}

extension String {
    /// What follows a prefix, or nil.
    fileprivate func after(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
