/// Keys and bytes in named buckets, inside a transaction.
///
///     try await database.write { connection in
///         try Buckets(connection).set("ips.node.app.web.0", in: "stellar.v1.services.network", to: bytes)
///     }
package struct Buckets {
    /// A key and its value.
    package struct Entry: Sendable, Hashable {
        /// The key.
        package var key: String
        /// The value.
        package var value: [UInt8]
    }

    private let connection: Connection

    /// The buckets as the transaction of `connection` sees them.
    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// The value of a key, or nil where there is none.
    package func value(_ key: String, in bucket: String) throws -> [UInt8]? {
        let rows = try connection.rows(
            "SELECT value FROM buckets WHERE bucket = ?1 AND key = ?2",
            .text(bucket),
            .text(key)
        )
        guard case .blob(let bytes)? = rows.first?.first else { return nil }
        return bytes
    }

    /// Sets the value of a key. A bucket exists when it has a key.
    package func set(_ key: String, in bucket: String, to value: [UInt8]) throws {
        try connection.execute(
            "INSERT INTO buckets VALUES (?1, ?2, ?3) ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
            .text(bucket),
            .text(key),
            .blob(value)
        )
    }

    /// Removes a key; one that does not exist is fine.
    package func remove(_ key: String, in bucket: String) throws {
        try connection.execute("DELETE FROM buckets WHERE bucket = ?1 AND key = ?2", .text(bucket), .text(key))
    }

    /// The entries whose key begins with `prefix`, by the bytes of their keys.
    package func entries(in bucket: String, prefix: String = "") throws -> [Entry] {
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
