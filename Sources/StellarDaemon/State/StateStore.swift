import StellarCore
import StellarGossip
import StellarStorage

/// What is being done to a slot, as the journal has it.
enum SlotOperation: String, Sendable, Hashable {
    /// It may be partly made.
    case create
    /// Its container may be of an earlier form of the service.
    case replace
    /// It may be partly gone, and should be.
    case delete
}

/// What the daemon knows when it starts.
struct StoredState: Sendable {
    var apps: [String: DesiredApp] = [:]
    /// Apps whose stored value does not read, with the reason: kept as they are, and not touched.
    var unreadable: [String: String] = [:]
    var journal: [ContainerID: SlotOperation] = [:]
}

/// Desired state in the replicated store, and this node's journal beside it.
struct StateStore: Sendable {
    var store: any StorePort
    var database: Database

    func load() async throws -> StoredState {
        var state = StoredState()
        for entry in store.entries(StoreBucket.apps) {
            do {
                state.apps[entry.key.key] = try DesiredApp(encoded: entry.value ?? [])
            } catch {
                state.unreadable[entry.key.key] = "\(error)"
            }
        }
        for entry in try await database.read({ try Journal($0).entries() }) {
            guard let id = ContainerID(entry.subject) else { continue }
            // An operation of a later version is treated as the one that assumes least.
            state.journal[id] = SlotOperation(rawValue: entry.operation) ?? .replace
        }
        return state
    }

    /// Writes what an app should be (nil: not at all), and what is about to be done to its slots.
    func commit(_ name: String, _ desired: DesiredApp?, begin: [ContainerID: SlotOperation]) async throws {
        try await store.write([Self.change(name, desired)]) { try Self.begin(begin, $0) }
    }

    static func change(_ name: String, _ desired: DesiredApp?) -> StoreChange {
        StoreChange(StoreBucket.apps, name, desired?.encoded)
    }

    static func begin(_ operations: [ContainerID: SlotOperation], _ connection: Connection) throws {
        for (id, operation) in operations.sorted(by: { $0.key < $1.key }) {
            try Journal(connection).begin(Journal.Entry(subject: id.description, operation: operation.rawValue))
        }
    }

    func begin(_ id: ContainerID, _ operation: SlotOperation) async throws {
        try await database.write { connection in
            try Journal(connection).begin(Journal.Entry(subject: id.description, operation: operation.rawValue))
        }
    }

    /// Lazy: an entry that a crash brings back is only looked at again.
    func finish(_ id: ContainerID) async throws {
        try await database.write(durability: .lazy) { try Journal($0).finish(id.description) }
    }
}
