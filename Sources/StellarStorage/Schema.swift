/// The tables, and the settings every connection needs.
enum Schema {
    /// `PRAGMA user_version` of the files this version writes: 2 has the replicated store. What 1 had in its buckets stays
    /// there; who knows which of it belongs to the store, and under which name this node writes, takes it over.
    static let version: Int64 = 2

    static func prepare(_ connection: Connection, path: String) throws {
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

    private static func migrate(_ connection: Connection, path: String) throws {
        guard case .integer(let found)? = try connection.rows("PRAGMA user_version").first?.first else { return }
        guard found <= version else {
            throw StorageError(
                .newerSchema,
                "\(path) has format \(found), this version reads up to \(version); install the newer version again"
            )
        }
        guard found < version else { return }
        try connection.transaction("BEGIN IMMEDIATE") { connection in
            let tables = (found < 1 ? firstTables : []) + Entries.tables
            for table in tables { try connection.execute(table) }
            try connection.execute("PRAGMA user_version=\(version)")
        }
    }

    private static let firstTables = [
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
