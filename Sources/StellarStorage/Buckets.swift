/// Keys and bytes in named buckets, inside a transaction.
///
///     try await database.write { connection in
///         try Buckets(connection).set("ips.node.app.web.0", in: "stellar.v1.services.network", to: bytes)
///     }
public struct Buckets {
    /// A key and its value.
    public struct Entry: Sendable, Hashable {
        /// The key.
        public var key: String
        /// The value.
        public var value: [UInt8]
    }

    private let connection: Connection

    /// The buckets as the transaction of `connection` sees them.
    public init(_ connection: Connection) {
        self.connection = connection
    }

    /// The value of a key, or nil where there is none.
    public func value(_ key: String, in bucket: String) throws -> [UInt8]? {
        let rows = try connection.rows(
            "SELECT value FROM buckets WHERE bucket = ?1 AND key = ?2",
            .text(bucket),
            .text(key)
        )
        guard case .blob(let bytes)? = rows.first?.first else { return nil }
        return bytes
    }

    /// Sets the value of a key. A bucket exists when it has a key.
    public func set(_ key: String, in bucket: String, to value: [UInt8]) throws {
        try connection.execute(
            "INSERT INTO buckets VALUES (?1, ?2, ?3) ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
            .text(bucket),
            .text(key),
            .blob(value)
        )
    }

    /// Removes a key; one that does not exist is fine.
    public func remove(_ key: String, in bucket: String) throws {
        try connection.execute("DELETE FROM buckets WHERE bucket = ?1 AND key = ?2", .text(bucket), .text(key))
    }

    /// The entries whose key begins with `prefix`, by the bytes of their keys.
    public func entries(in bucket: String, prefix: String = "") throws -> [Entry] {
        var entries: [Entry] = []
        try connection.each(
            "SELECT key, value FROM buckets WHERE bucket = ?1 AND key >= ?2 ORDER BY key",
            [.text(bucket), .text(prefix)]
        ) { row in
            guard row.count == 2, case .text(let key) = row[0], case .blob(let value) = row[1],
                key.utf8.starts(with: prefix.utf8)
            else { return false }
            entries.append(Entry(key: key, value: value))
            return true
        }
        return entries
    }
}
