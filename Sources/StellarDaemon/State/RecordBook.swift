import FoundationEssentials
import StellarCore
import StellarStore
import Synchronization

/// The nameserver's records: those that people made, on whatever node, which are in the replicated store, and those of the
/// slots of all nodes, which are not, since they follow from the facts that nodes report of their slots.
final class RecordBook: Sendable {
    private struct State {
        /// By name in lower case.
        var made: [String: [Record]] = [:]
        var slots: [ContainerID: [Record]] = [:]
        /// Those of other nodes, by node.
        var others: [String: [ContainerID: [Record]]] = [:]
        /// Nodes whose slots do not count at the moment.
        var away: Set<String> = []
        /// Grows with each change, so that readers know when to rebuild their index.
        var version = 0
    }

    private let state = Mutex(State())
    private let store: any StorePort
    private let changes: StoreFeed

    init(store: any StorePort) {
        self.store = store
        changes = store.changes(in: StoreBucket.nameserver)
    }

    /// Reads the stored records. Returns the names whose stored value cannot be decoded.
    @discardableResult
    func load() -> [String] {
        let entries = store.entries(StoreBucket.nameserver)
        return state.withLock { state in
            state.made = [:]
            state.version += 1
            return entries.filter { !Self.take($0, into: &state) }.map(\.key.key)
        }
    }

    /// Applies changes of the store until cancelled.
    func run() async {
        for await news in changes {
            switch news {
            case .everything: load()
            case .entries(let entries): for entry in entries { refresh(entry.key.key) }
            }
        }
    }

    /// Applies what the store has of a name now.
    private func refresh(_ name: String) {
        state.withLock { state in
            // In the lock: two at a time must not leave the older of what they saw.
            if let entry = store.value(StoreBucket.nameserver, name) {
                _ = Self.take(entry, into: &state)
            } else {
                state.made[name.lowercased()] = nil
            }
            state.version += 1
        }
    }

    /// - Returns: whether the value can be decoded.
    private static func take(_ entry: StoreEntry, into state: inout State) -> Bool {
        let records = entry.value.flatMap { StoredRecords.decode($0) }
        state.made[entry.key.key.lowercased()] = records
        return records != nil
    }

    var version: Int { state.withLock { $0.version } }

    /// All records, by name, the slots' own names after the services'.
    func all() -> [Record] {
        state.withLock { state in
            var byName = state.made
            for (name, records) in Self.derived(state) where byName[name] == nil { byName[name] = records }
            return byName.sorted { $0.key < $1.key }.flatMap(\.value)
        }
    }

    /// The records of exactly this name, in any case.
    func lookup(_ name: String) -> [Record] {
        let key = name.lowercased()
        return state.withLock { $0.made[key] ?? Self.derived($0)[key] ?? [] }
    }

    /// Replaces all records of a name. What people make has precedence over a slot's record of the same name.
    func replace(_ name: String, with records: [Record]) async throws {
        let key = name.lowercased()
        let value = records.isEmpty ? nil : StoredRecords.encode(records)
        try await store.write([StoreChange(StoreBucket.nameserver, key, value)])
        refresh(key)
    }

    /// Removes the records of one type, or of every type, of exactly this name; none is fine.
    ///
    /// - Throws: FailedPrecondition for the name of a container, whose records go with it.
    func remove(_ type: Record.Kind?, name: String) async throws {
        let key = name.lowercased()
        let (made, isSlots) = state.withLock { ($0.made[key], Self.derived($0)[key] != nil) }
        guard let made else {
            guard !isSlots else {
                throw NameserverError(
                    .failedPrecondition,
                    "the records of \(name) belong to its container; delete the app"
                )
            }
            return
        }
        try await replace(name, with: type.map { type in made.filter { $0.type != type } } ?? [])
    }

    /// The records of a slot from now on; empty when it does not run.
    func publish(_ id: ContainerID, _ records: [Record]) {
        state.withLock { state in
            guard state.slots[id] ?? [] != records else { return }
            state.slots[id] = records.isEmpty ? nil : records
            state.version += 1
        }
    }

    /// The records of a slot of another node.
    func publish(_ id: ContainerID, of node: String, _ records: [Record]) {
        state.withLock { state in
            guard state.others[node]?[id] ?? [] != records else { return }
            state.others[node, default: [:]][id] = records.isEmpty ? nil : records
            state.version += 1
        }
    }

    /// The records of all slots of other nodes.
    func publish(others: [String: [ContainerID: [Record]]]) {
        state.withLock { state in
            state.others = others
            state.version += 1
        }
    }

    /// Leaves out the slots of these nodes until the next call.
    func setAway(_ nodes: Set<String>) {
        state.withLock { state in
            guard state.away != nodes else { return }
            state.away = nodes
            state.version += 1
        }
    }

    private static func derived(_ state: State) -> [String: [Record]] {
        var byName: [String: [Record]] = [:]
        // A slot that is on its way from one node to another may be on both.
        var all = state.slots.map { (id: $0.key, records: $0.value) }
        for (node, slots) in state.others.sorted(by: { $0.key < $1.key }) where !state.away.contains(node) {
            all += slots.map { (id: $0.key, records: $0.value) }
        }
        for (id, records) in all.sorted(by: { $0.id < $1.id }) {
            for record in records + SlotRecords.serviceRecords(of: id, from: records) {
                byName[record.name.lowercased(), default: []].append(record)
            }
        }
        return byName
    }
}

/// The stored form of a name's records, as the original had it (contract 2.2): a JSON array with the numbers of the
/// wire's enum, options as an Any whose value is JSON in base64.
enum StoredRecords {
    static let optionsType = "stellar.io/services/nameserver/types.SRVOptions"

    private struct Stored: Codable {
        var type: Int?
        var name: String?
        var value: String?
        var options: Options?
    }

    private struct Options: Codable {
        var type_url: String
        var value: String
    }

    /// The value of an SRV record's options on the wire: JSON with Go's field names.
    struct SRV: Codable {
        var Service: String
        var `Protocol`: String
        var Priority: UInt16
        var Weight: UInt16
        var Port: UInt16
    }

    private static let kinds: [Record.Kind] = [.a, .cname, .mx, .txt, .srv]

    static func encode(_ records: [Record]) -> [UInt8] {
        let stored = records.map { record in
            Stored(
                type: (kinds.firstIndex(of: record.type) ?? 0) + 1,
                name: record.name,
                value: record.value,
                options: record.options.map { options in
                    let srv = SRV(
                        Service: options.service,
                        Protocol: options.protocol,
                        Priority: options.priority,
                        Weight: options.weight,
                        Port: options.port
                    )
                    let value = (try? JSONEncoder().encode(srv)) ?? Data()
                    return Options(type_url: optionsType, value: value.base64EncodedString())
                }
            )
        }
        return Array((try? JSONEncoder().encode(stored)) ?? Data())
    }

    static func decode(_ bytes: [UInt8]) -> [Record]? {
        guard let stored = try? JSONDecoder().decode([Stored].self, from: Data(bytes)) else { return nil }
        return stored.compactMap { item in
            guard let type = item.type, kinds.indices.contains(type - 1) else { return nil }
            var options: Record.SRVOptions?
            if let value = item.options.flatMap({ Data(base64Encoded: $0.value) }),
                let srv = try? JSONDecoder().decode(SRV.self, from: value)
            {
                options = Record.SRVOptions(
                    service: srv.Service,
                    protocol: srv.Protocol,
                    priority: srv.Priority,
                    weight: srv.Weight,
                    port: srv.Port
                )
            }
            return Record(type: kinds[type - 1], name: item.name ?? "", value: item.value ?? "", options: options)
        }
    }
}

/// Why the nameserver's records cannot be changed.
struct NameserverError: DomainError {
    var code: ErrorCode
    var message: String
}
