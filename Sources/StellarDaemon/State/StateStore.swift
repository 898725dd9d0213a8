import StellarCore
import StellarStorage

/// The names of the buckets; those of the original where it had them.
enum BucketName {
    static let apps = "stellar.v1.services.application"
    static let network = "stellar.v1.services.network"
    static let nameserver = "stellar.v1.services.nameserver"
}

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

/// Desired state and journal in SQLite.
struct StateStore: Sendable {
    var database: Database

    func load() async throws -> StoredState {
        try await database.read { connection in
            var state = StoredState()
            for entry in try Buckets(connection).entries(in: BucketName.apps) {
                do {
                    state.apps[entry.key] = try DesiredApp(encoded: entry.value)
                } catch {
                    state.unreadable[entry.key] = "\(error)"
                }
            }
            for entry in try Journal(connection).entries() {
                guard let id = ContainerID(entry.subject) else { continue }
                // An operation of a later version is treated as the one that assumes least.
                state.journal[id] = SlotOperation(rawValue: entry.operation) ?? .replace
            }
            return state
        }
    }

    /// Writes what an app should be (nil: not at all), and what is about to be done to its slots.
    func commit(_ name: String, _ desired: DesiredApp?, begin: [ContainerID: SlotOperation]) async throws {
        let encoded = desired?.encoded
        try await database.write { connection in
            try Self.commit(connection, name, encoded, begin: begin)
        }
    }

    static func commit(
        _ connection: Connection,
        _ name: String,
        _ encoded: [UInt8]?,
        begin: [ContainerID: SlotOperation]
    ) throws {
        if let encoded {
            try Buckets(connection).set(name, in: BucketName.apps, to: encoded)
        } else {
            try Buckets(connection).remove(name, in: BucketName.apps)
        }
        for (id, operation) in begin.sorted(by: { $0.key < $1.key }) {
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
