/// The tables of a file, as the steps that lead from one format to the next.
package struct Schema: Sendable {
    /// Step `n` has the statements that make format `n` of format `n - 1`; the first makes a new file's tables.
    private let steps: [[String]]

    /// This node's own tables: buckets and journal.
    package static let local = Schema(steps: [localTables])

    /// `PRAGMA user_version` of the files that have this schema.
    package var version: Int64 { Int64(steps.count) }

    /// The schema with one format more.
    package func adding(_ tables: [String]) -> Schema { Schema(steps: steps + [tables]) }

    /// Applies the settings that every connection needs, checks the file, and brings it to this schema.
    func prepare(_ connection: Connection, path: String) throws {
        do {
            try connection.execute("PRAGMA busy_timeout=5000")
            try connection.execute("PRAGMA journal_mode=WAL")
            try connection.execute("PRAGMA synchronous=FULL")
            try connection.execute("PRAGMA foreign_keys=ON")
            let problems = try connection.integrityProblems(thorough: false)
            if let first = problems.first { throw StorageError(.corrupt, first) }
            try migrate(connection, path: path)
        } catch let error as StorageError where error.code == .corrupt {
            throw StorageError(
                .corrupt,
                "\(path) is damaged (\(error.message)); move it and its -wal and -shm files away, or restore a copy"
            )
        }
    }

    private func migrate(_ connection: Connection, path: String) throws {
        guard case .integer(let found)? = try connection.rows("PRAGMA user_version").first?.first else { return }
        guard found <= version else {
            throw StorageError(
                .newerSchema,
                "\(path) has format \(found), this version reads up to \(version); install the newer version again"
            )
        }
        guard found < version else { return }
        try connection.transaction("BEGIN IMMEDIATE") { connection in
            for table in steps.dropFirst(Int(max(found, 0))).joined() { try connection.execute(table) }
            try connection.execute("PRAGMA user_version=\(version)")
        }
    }

    private static let localTables = [
        """
        CREATE TABLE buckets (
            bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (bucket, key)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE journal (
            subject TEXT NOT NULL PRIMARY KEY, operation TEXT NOT NULL, detail BLOB NOT NULL
        ) WITHOUT ROWID
        """,
    ]
}
