import StellarCore
import StellarStorage

/// The journal of the slots, in SQLite, on this node alone.
struct JournalBook: Sendable {
    var database: Database

    func load() async throws -> [ContainerID: SlotOperation] {
        try await database.read { connection in
            var journal: [ContainerID: SlotOperation] = [:]
            for entry in try Journal(connection).entries() {
                guard let id = ContainerID(entry.subject) else { continue }
                // An operation of a later version is treated as the one that assumes least.
                journal[id] = SlotOperation(rawValue: entry.operation) ?? .replace
            }
            return journal
        }
    }

    /// Writes what is about to be done, beside whatever else the transaction writes.
    static func begin(_ operations: [ContainerID: SlotOperation], _ connection: Connection) throws {
        for (id, operation) in operations.sorted(by: { $0.key < $1.key }) {
            try Journal(connection).begin(Journal.Entry(subject: id.description, operation: operation.rawValue))
        }
    }

    func begin(_ operations: [ContainerID: SlotOperation]) async throws {
        try await database.write { try Self.begin(operations, $0) }
    }

    func begin(_ id: ContainerID, _ operation: SlotOperation) async throws { try await begin([id: operation]) }

    /// Lazy: an entry that a crash brings back is only looked at again.
    func finish(_ id: ContainerID) async throws {
        try await database.write(durability: .lazy) { try Journal($0).finish(id.description) }
    }
}
