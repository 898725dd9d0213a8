import Logging
import StellarStorage

@testable import StellarDaemon

extension ReplicatedStore {
    /// The store of a node that knows nobody.
    static func alone(_ database: Database, node: String) async throws -> ReplicatedStore {
        try await open(database, node: node, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
}
