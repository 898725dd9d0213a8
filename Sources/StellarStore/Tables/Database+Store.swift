package import StellarStorage

extension Schema {
    /// Format 2: this node's own tables, and those of the replicated store.
    package static let store = Schema.local.adding(Entries.tables)
}

extension Database {
    /// Opens a file that has the replicated store beside this node's own tables, and creates it where it is missing.
    ///
    /// - Parameter executor: as for `open(path:schema:executor:)`.
    /// - Throws: `StorageError`, as that.
    package static func open(path: String, executor: (any SerialExecutor)? = nil) async throws -> Database {
        try await open(path: path, schema: .store, executor: executor)
    }
}
