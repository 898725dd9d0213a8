import StellarCore
import StellarNet
import StellarStorage
import StellarStore
import StellarSystem

/// The addresses of this node's containers: allocated in memory, and on the disk before the caller gets them. They are not
/// replicated, as they are of this node's subnet, which ``NodeNetwork`` sets.
///
/// Keys are those of the original (contract 2.2): `ips.<node>.<container id>`.
actor AddressBook {
    private let store: any StorePort
    private let database: Database
    private let node: String
    private var pool: AddressPool?
    /// The addresses from the disk, while the node has no subnet yet.
    private var stored: [String: IPv4Address] = [:]
    private var waitForSubnet: @Sendable () async throws -> Void = {}
    private let turn = KeyedLock<Int>()

    /// - Parameter store: its node is the owner of the addresses.
    init(store: any StorePort, database: Database) {
        self.store = store
        self.database = database
        node = store.node
    }

    /// Reads back what is stored.
    func load() async throws {
        let prefix = key("")
        let entries = try await database.read { try Buckets($0).entries(in: StoreBucket.network, prefix: prefix) }
        for entry in entries {
            guard let address = IPv4Address(String(decoding: entry.value, as: UTF8.self)) else { continue }
            stored[String(entry.key.dropFirst(prefix.count))] = address
        }
    }

    /// - Parameter wait: returns when containers may start on the node's subnet, or throws why they may not. Called before
    ///   each allocation.
    func beforeAllocating(_ wait: @escaping @Sendable () async throws -> Void) { waitForSubnet = wait }

    /// Gives addresses of this subnet from now on. Addresses outside of it are dropped, here and on the disk.
    ///
    /// - Returns: whether some were dropped.
    @discardableResult
    func use(_ subnet: IPv4Subnet) async throws -> Bool {
        try await turn.withUncancelledLock(0) { try await self.useInTurn(subnet) }
    }

    private func useInTurn(_ subnet: IPv4Subnet) async throws -> Bool {
        guard pool?.subnet != subnet else { return false }
        let held = pool.map { $0.allocations.map { ($0.id, $0.address) } } ?? stored.map { ($0.key, $0.value) }
        var new = AddressPool(subnet: subnet)
        var dropped: [String] = []
        for (id, address) in held.sorted(by: { $0.0 < $1.0 }) {
            do {
                try new.reserve(address, for: id)
            } catch {
                dropped.append(key(id))
            }
        }
        if !dropped.isEmpty {
            let keys = dropped
            try await database.write { connection in
                for key in keys { try Buckets(connection).remove(key, in: StoreBucket.network) }
            }
        }
        (pool, stored) = (new, [:])
        return !dropped.isEmpty
    }

    /// The addresses of containers; a container without one gets one.
    func allocate(_ ids: [String], node: String) async throws -> [String: IPv4Address] {
        try await allocate(ids, node: node, changes: []) { _ in }.addresses
    }

    /// The addresses of containers; a container without one gets one. They are on the disk in one transaction with `changes`
    /// of the store and with `alongside`. Waits for the node's subnet, within bounds.
    func allocate(
        _ ids: [String],
        node: String,
        changes: [StoreChange],
        alongside: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> (addresses: [String: IPv4Address], entries: [StoreEntry]) {
        guard node == self.node else {
            throw AddressError(
                .failedPrecondition,
                "cannot allocate an address of node \(node) on node \(self.node): call the daemon of node \(node)"
            )
        }
        if !ids.isEmpty { try await waitForSubnet() }
        return try await turn.withUncancelledLock(0) {
            try await self.allocateInTurn(ids, changes: changes, alongside: alongside)
        }
    }

    private func allocateInTurn(
        _ ids: [String],
        changes: [StoreChange],
        alongside: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> (addresses: [String: IPv4Address], entries: [StoreEntry]) {
        var after = pool
        var addresses: [String: IPv4Address] = [:]
        var new: [(key: String, value: [UInt8])] = []
        for id in ids {
            guard !id.isEmpty else {
                throw AddressError(.invalidArgument, "id is empty: an address belongs to a container")
            }
            guard let had = after.map({ $0.address(of: id) != nil }) else {
                throw AddressError(.unavailable, "node \(node) has no subnet yet; try again in a moment")
            }
            do {
                let address = try after?.allocate(id)
                addresses[id] = address
                if !had, let address { new.append((key(id), Array(address.description.utf8))) }
            } catch {
                throw AddressError(
                    .resourceExhausted,
                    "node \(node): \(error); delete apps, or configure a larger Subnet"
                )
            }
        }
        let rows = new
        let entries = try await store.write(changes) { connection in
            for row in rows { try Buckets(connection).set(row.key, in: StoreBucket.network, to: row.value) }
            try alongside(connection)
        }
        pool = after
        return (addresses, entries)
    }

    /// Keeps the address that a container has on the host, where the disk has no address of it: a new disk, or an older copy.
    /// An address of another container, or outside of the subnet, is ignored.
    func keep(_ address: IPv4Address, of id: String, node: String) async throws {
        guard node == self.node else { return }
        try await turn.withUncancelledLock(0) { try await self.keepInTurn(address, of: id) }
    }

    private func keepInTurn(_ address: IPv4Address, of id: String) async throws {
        guard self.address(of: id, node: node) == nil else { return }
        var after = pool
        if after == nil {
            guard !stored.values.contains(address) else { return }
        } else {
            do { try after?.reserve(address, for: id) } catch { return }
        }
        let (key, text) = (key(id), Array(address.description.utf8))
        try await database.write(durability: .lazy) { try Buckets($0).set(key, in: StoreBucket.network, to: text) }
        if after == nil { stored[id] = address } else { pool = after }
    }

    /// The address of a container, or nil.
    func address(of id: String, node: String) -> IPv4Address? {
        guard node == self.node else { return nil }
        return pool?.address(of: id) ?? stored[id]
    }

    /// The ids that have addresses.
    func ids(node: String) -> [String] {
        guard node == self.node else { return [] }
        return pool?.allocations.map(\.id) ?? stored.keys.sorted()
    }

    /// Frees a container's address; a missing one is fine.
    func release(_ id: String, node: String) async throws {
        try await turn.withUncancelledLock(0) { try await self.releaseInTurn(id, node: node) }
    }

    private func releaseInTurn(_ id: String, node: String) async throws {
        guard address(of: id, node: node) != nil else { return }
        let key = key(id)
        try await database.write(durability: .lazy) { try Buckets($0).remove(key, in: StoreBucket.network) }
        pool?.release(id)
        stored[id] = nil
    }

    private func key(_ id: String) -> String { "ips.\(NetworkKeys.encoded(node)).\(id)" }
}

/// Why a container gets no address.
struct AddressError: DomainError {
    var code: ErrorCode
    var message: String
}
