package import StellarStorage

extension Schema {
    /// Format 2: this node's own tables, and those of the replicated store.
    package static let store = Schema.local.adding(Entries.tables)
}

extension Database {
    /// Opens a file that has the replicated store beside this node's own tables, and creates it where it is missing.
    ///
    /// - Throws: `StorageError`, as `open(path:schema:)`.
    package static func open(path: String) async throws -> Database { try await open(path: path, schema: .store) }
}
