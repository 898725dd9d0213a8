import CSQLite
import Glibc

/// A value of a SQLite column or parameter.
package enum StorageValue: Sendable, Hashable {
    /// NULL.
    case null
    /// INTEGER.
    case integer(Int64)
    /// TEXT, UTF-8.
    case text(String)
    /// BLOB.
    case blob([UInt8])
}

/// The open file, handed to the bodies of ``Database/read(_:)`` and ``Database/write(durability:_:)``.
///
/// It lives on the database's thread and must not leave the body. Statements are prepared once and kept.
package final class Connection {
    /// Every statement of this project fits; a caller that builds SQL from values would hit this and should not.
    static let maximumCachedStatements = 128

    /// SQLITE_IOERR_SHMSIZE, a macro that is not imported.
    private static let sharedMemorySizeFailed = SQLITE_IOERR | 19 << 8

    private let path: String
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]

    init(path: String) throws {
        // SQLite would let everybody read it; what stands in the apps is for their owner. Its other files get its mode.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            fchmod(descriptor, 0o600)
            Glibc.close(descriptor)
        }
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let reason = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
            sqlite3_close_v2(handle)
            throw StorageError(.cannotOpen, "cannot open \(path): \(reason)")
        }
        self.path = path
        self.handle = handle
    }

    deinit {
        close()
    }

    func close() {
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_close_v2(handle)
        handle = nil
    }

    /// Runs a statement that returns no rows, or whose rows do not matter.
    package func execute(_ sql: String, _ values: StorageValue...) throws {
        try execute(sql, values)
    }

    package func execute(_ sql: String, _ values: [StorageValue]) throws {
        try each(sql, values) { _ in false }
    }

    /// The rows of a statement, each as its columns.
    package func rows(_ sql: String, _ values: StorageValue...) throws -> [[StorageValue]] {
        var rows: [[StorageValue]] = []
        try each(sql, values) { row in
            rows.append(row)
            return true
        }
        return rows
    }

    /// Calls `body` with each row until it returns false.
    package func each(_ sql: String, _ values: [StorageValue], _ body: ([StorageValue]) throws -> Bool) throws {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            try check(bind(value, to: statement, at: Int32(index + 1)), sql)
        }
        while true {
            let code = sqlite3_step(statement)
            guard code == SQLITE_ROW else {
                if code == SQLITE_DONE { return }
                throw failure(code, sql)
            }
            let row = (0..<sqlite3_column_count(statement)).map { column(statement, $0) }
            guard try body(row) else { return }
        }
    }

    func transaction<Result>(_ begin: String, _ body: (Connection) throws -> Result) throws -> Result {
        try execute(begin)
        do {
            let result = try body(self)
            try execute("COMMIT")
            return result
        } catch {
            // SQLite may have rolled back by itself (disk full, I/O error); then there is nothing to do.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    func integrityProblems(thorough: Bool) throws -> [String] {
        try rows(thorough ? "PRAGMA integrity_check" : "PRAGMA quick_check").compactMap { row in
            guard case .text(let text)? = row.first, text != "ok" else { return nil }
            return text
        }
    }

    private func prepared(_ sql: String) throws -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        if statements.count >= Self.maximumCachedStatements {
            for statement in statements.values { sqlite3_finalize(statement) }
            statements = [:]
        }
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil), sql)
        guard let statement else { throw StorageError(.statement, "\(sql): not a statement") }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: StorageValue, to statement: OpaquePointer, at index: Int32) -> Int32 {
        // SQLITE_TRANSIENT, a macro that is not imported: SQLite copies the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .text(let text): return sqlite3_bind_text(statement, index, text, Int32(text.utf8.count), transient)
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
            return sqlite3_bind_blob(statement, index, bytes, Int32(bytes.count), transient)
        }
    }

    private func column(_ statement: OpaquePointer, _ index: Int32) -> StorageValue {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT:
            let pointer = sqlite3_column_text(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            return .text(String(decoding: UnsafeBufferPointer(start: pointer, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let pointer = sqlite3_column_blob(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            return .blob(Array(UnsafeRawBufferPointer(start: pointer, count: count)))
        default: return .null
        }
    }

    private func check(_ code: Int32, _ sql: String) throws {
        guard code == SQLITE_OK else { throw failure(code, sql) }
    }

    private func failure(_ code: Int32, _ sql: String) -> StorageError {
        let reason = String(cString: sqlite3_errmsg(handle))
        // Growing the shared memory file fails so on a full disk; of what SQLite itself writes it says FULL.
        if code == Self.sharedMemorySizeFailed { return failure(SQLITE_FULL, sql) }
        switch code & 0xff {
        case SQLITE_CORRUPT, SQLITE_NOTADB: return StorageError(.corrupt, reason)
        case SQLITE_FULL: return StorageError(.full, "no space left on the disk of \(path); free some")
        default: return StorageError(.statement, "\(path): \(reason), in: \(sql)")
        }
    }
}
