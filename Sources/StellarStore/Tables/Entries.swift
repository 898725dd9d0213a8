package import StellarStorage

/// The replicated store's tables, inside a transaction.
///
/// `entries` has one row per key: the write that counts, whose value is NULL where it was a delete. Which one counts is
/// decided elsewhere; a row replaces the one before. `origins` has how far this node has each origin's writes,
/// `members` the nodes of the cluster, `quarantine` the quarantined writes.
///
///     try await database.write { connection in
///         try Entries(connection).put(Entries.Row(bucket: "b", key: "k", value: [1], stamp: 7, origin: "node"))
///     }
package struct Entries {
    /// One write of one key.
    package struct Row: Sendable, Hashable {
        /// The bucket.
        package var bucket: String
        /// The key in it.
        package var key: String
        /// nil: deleted.
        package var value: [UInt8]?
        /// The origin's clock; at most `Int64.max`, SQLite's largest number.
        package var stamp: UInt64
        /// The node that wrote it.
        package var origin: String

        /// A row.
        package init(bucket: String, key: String, value: [UInt8]?, stamp: UInt64, origin: String) {
            (self.bucket, self.key, self.value, self.stamp, self.origin) = (bucket, key, value, stamp, origin)
        }
    }

    /// How far this node has the writes of one node.
    package struct Origin: Sendable, Hashable {
        /// The node's name.
        package var name: String
        /// Of all its writes up to this stamp this node has each, or what supersedes it.
        package var seen: UInt64?
        /// Its deletes up to this stamp may be forgotten.
        package var purged: UInt64?

        /// An origin.
        package init(name: String, seen: UInt64?, purged: UInt64?) {
            (self.name, self.seen, self.purged) = (name, seen, purged)
        }
    }

    /// A node of the cluster.
    package struct Member: Sendable, Hashable {
        /// The node's name.
        package var name: String
        /// Milliseconds since 1970; nil: it was alive when this was written. The column is `absent_since`.
        package var lostSince: UInt64?

        /// A member.
        package init(name: String, lostSince: UInt64?) {
            (self.name, self.lostSince) = (name, lostSince)
        }
    }

    /// A quarantined write.
    package struct Quarantined: Sendable, Hashable {
        /// The write.
        package var row: Row
        /// Why.
        package var reason: String

        /// A quarantined write.
        package init(row: Row, reason: String) {
            (self.row, self.reason) = (row, reason)
        }
    }

    static let tables = [
        """
        CREATE TABLE entries (
            bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB, stamp INTEGER NOT NULL, origin TEXT NOT NULL,
            PRIMARY KEY (bucket, key)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE origins (name TEXT NOT NULL PRIMARY KEY, seen INTEGER, purged INTEGER) WITHOUT ROWID",
        "CREATE TABLE members (name TEXT NOT NULL PRIMARY KEY, absent_since INTEGER) WITHOUT ROWID",
        """
        CREATE TABLE quarantine (
            bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB, stamp INTEGER NOT NULL, origin TEXT NOT NULL,
            reason TEXT NOT NULL, PRIMARY KEY (bucket, key, stamp, origin)
        ) WITHOUT ROWID
        """,
    ]

    private let connection: Connection

    /// The tables as the transaction of `connection` sees them.
    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Writes a row, which replaces the one before.
    package func put(_ row: Row) throws {
        try connection.execute(
            """
            INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (bucket, key)
            DO UPDATE SET value = excluded.value, stamp = excluded.stamp, origin = excluded.origin
            """,
            Self.columns(row)
        )
    }

    /// Removes the row of a key; none is fine.
    package func remove(bucket: String, key: String) throws {
        try connection.execute("DELETE FROM entries WHERE bucket = ?1 AND key = ?2", .text(bucket), .text(key))
    }

    /// Every row, with those of deletes.
    package func all() throws -> [Row] {
        var rows: [Row] = []
        try connection.each("SELECT bucket, key, value, stamp, origin FROM entries", []) { columns in
            if let row = Self.row(columns) { rows.append(row) }
            return true
        }
        return rows
    }

    /// Notes how far this node has an origin's writes; a column whose value is nil stays as it is.
    package func set(_ origin: Origin) throws {
        try connection.execute(
            """
            INSERT INTO origins VALUES (?1, ?2, ?3) ON CONFLICT (name)
            DO UPDATE SET seen = coalesce(excluded.seen, seen), purged = coalesce(excluded.purged, purged)
            """,
            .text(origin.name),
            .stamp(origin.seen),
            .stamp(origin.purged)
        )
    }

    /// How far this node has each origin's writes.
    package func origins() throws -> [Origin] {
        try connection.rows("SELECT name, seen, purged FROM origins").compactMap { row in
            guard row.count == 3, case .text(let name) = row[0] else { return nil }
            return Origin(name: name, seen: row[1].stamp, purged: row[2].stamp)
        }
    }

    /// Notes a member of the cluster.
    package func set(_ member: Member) throws {
        try connection.execute(
            "INSERT INTO members VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET absent_since = excluded.absent_since",
            .text(member.name),
            .stamp(member.lostSince)
        )
    }

    /// Forgets a member; none is fine.
    package func removeMember(_ name: String) throws {
        try connection.execute("DELETE FROM members WHERE name = ?1", .text(name))
    }

    /// The members of the cluster.
    package func members() throws -> [Member] {
        try connection.rows("SELECT name, absent_since FROM members").compactMap { row in
            guard row.count == 2, case .text(let name) = row[0] else { return nil }
            return Member(name: name, lostSince: row[1].stamp)
        }
    }

    /// Quarantines a write; one that is there already is fine.
    package func put(_ quarantined: Quarantined) throws {
        try connection.execute(
            "INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            Self.columns(quarantined.row) + [.text(quarantined.reason)]
        )
    }

    /// Removes a write from quarantine; none is fine.
    package func removeQuarantined(_ row: Row) throws {
        try connection.execute(
            "DELETE FROM quarantine WHERE bucket = ?1 AND key = ?2 AND stamp = ?3 AND origin = ?4",
            .text(row.bucket),
            .text(row.key),
            .stamp(row.stamp),
            .text(row.origin)
        )
    }

    /// The quarantined writes.
    package func quarantined() throws -> [Quarantined] {
        let sql = "SELECT bucket, key, value, stamp, origin, reason FROM quarantine"
        return try connection.rows(sql).compactMap { columns in
            guard let row = Self.row(columns), case .text(let reason)? = columns.last else { return nil }
            return Quarantined(row: row, reason: reason)
        }
    }

    private static func columns(_ row: Row) -> [StorageValue] {
        [
            .text(row.bucket), .text(row.key), row.value.map { .blob($0) } ?? .null, .stamp(row.stamp),
            .text(row.origin),
        ]
    }

    /// The first five columns.
    private static func row(_ columns: [StorageValue]) -> Row? {
        guard columns.count >= 5, case .text(let bucket) = columns[0], case .text(let key) = columns[1],
            let stamp = columns[3].stamp, case .text(let origin) = columns[4]
        else { return nil }
        var value: [UInt8]?
        if case .blob(let bytes) = columns[2] { value = bytes }
        return Row(bucket: bucket, key: key, value: value, stamp: stamp, origin: origin)
    }
}

extension StorageValue {
    fileprivate static func stamp(_ stamp: UInt64?) -> StorageValue {
        stamp.map { .integer(Int64(clamping: $0)) } ?? .null
    }

    fileprivate var stamp: UInt64? {
        guard case .integer(let number) = self else { return nil }
        return UInt64(exactly: number)
    }
}
