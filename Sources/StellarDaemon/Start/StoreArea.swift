import Logging
import StellarCore
import StellarStorage
import StellarStore

/// The node's disk: the database, the replicated store, and the books that are kept in them.
struct StoreArea: Sendable {
    var database: Database
    var store: ReplicatedStore
    var addresses: AddressBook
    var records: RecordBook

    static func open(_ context: DaemonContext) async throws -> StoreArea {
        let configuration = context.configuration
        let database = try await Database.open(path: "\(configuration.dataDirectory)/stellar.db")
        context.resources.add { await database.close() }
        let store = try await ReplicatedStore.open(
            database,
            node: configuration.nodeID,
            logger: context.logger("store")
        )
        context.problems.register(.containers) { [store.problem].compactMap { $0 } }
        let addresses = AddressBook(store: store, database: database)
        try await addresses.load()
        let records = RecordBook(store: store)
        for name in records.load() {
            context.logger("store").error(
                "cannot decode stored nameserver records; they are left as they are",
                metadata: ["name": "\(name)"]
            )
        }
        return StoreArea(database: database, store: store, addresses: addresses, records: records)
    }
}
