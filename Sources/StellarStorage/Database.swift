/// One SQLite file, owned by one thread.
///
/// Every statement runs on the thread of this actor's executor, so that no wait for the disk ever holds a thread of the
/// cooperative pool, and so that transactions need no lock: they are serial by construction. The file is in WAL mode
/// with `synchronous=FULL`: what ``write(durability:_:)`` has returned from survives `kill -9` and power loss.
package actor Database {
    /// What is certain when a write returns.
    package enum Durability: Sendable {
        /// The write is on the disk.
        case durable
        /// The write is visible and ordered before every later one, but reaches the disk with the next durable write:
        /// for facts that are derived again after a crash.
        case lazy
    }

    private let executor: any SerialExecutor
    private var connection: Connection?
    private var fullSync = true

    /// The serial executor whose only thread touches SQLite.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init(executor: any SerialExecutor) {
        self.executor = executor
    }

    /// Opens the file, creating it and its tables where they are missing, and checks it.
    ///
    /// - Parameters:
    ///   - path: The file; its directory must exist. Beside it SQLite keeps `<path>-wal` and `<path>-shm`.
    ///   - schema: The tables that it has.
    ///   - executor: Runs the statements, one at a time; nil is a thread of the file's own.
    /// - Throws: ``StorageError`` with `cannotOpen`, `corrupt` (the file fails `PRAGMA quick_check`), or `newerSchema`
    ///   (written by a later version). The file is never altered in these cases.
    package static func open(
        path: String,
        schema: Schema,
        executor: (any SerialExecutor)? = nil
    ) async throws -> Database {
        let database = Database(executor: try executor ?? ThreadExecutor())
        try await database.connect(path, schema)
        return database
    }

    private func connect(_ path: String, _ schema: Schema) throws {
        let connection = try Connection(path: path)
        try schema.prepare(connection, path: path)
        self.connection = connection
    }

    /// Runs statements that only read, on one consistent state.
    package func read<Result: Sendable>(_ body: @Sendable (Connection) throws -> Result) throws -> Result {
        let connection = try opened()
        return try connection.transaction("BEGIN", body)
    }

    /// Runs statements as one transaction: all of them, or, when `body` throws, none.
    package func write<Result: Sendable>(
        durability: Durability = .durable,
        _ body: @Sendable (Connection) throws -> Result
    ) throws -> Result {
        let connection = try opened()
        let wantsFull = durability == .durable
        if wantsFull != fullSync {
            try connection.execute(wantsFull ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
            fullSync = wantsFull
        }
        return try connection.transaction("BEGIN IMMEDIATE", body)
    }

    /// Checks every page and index.
    ///
    /// - Returns: What SQLite complains about; empty when the file is sound.
    package func integrityProblems() throws -> [String] {
        try opened().integrityProblems(thorough: true)
    }

    /// Writes the log back into the file and closes it. Later calls throw `closed`.
    package func close() {
        connection?.close()
        connection = nil
    }

    private func opened() throws -> Connection {
        guard let connection else { throw StorageError(.closed, "the database is closed") }
        return connection
    }
}
