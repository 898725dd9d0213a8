/// What is being done to the host, written down before it is done.
///
/// One entry per subject (for the daemon: a container id). An entry says "from here on the host may hold parts of this";
/// it goes when the work is whole, or wholly undone. What is in the journal when a process starts is what a crash
/// interrupted.
package struct Journal {
    /// Something begun and not known to be finished.
    package struct Entry: Sendable, Hashable {
        /// What it is done to.
        package var subject: String
        /// What is done.
        package var operation: String
        /// What is needed to finish or undo it.
        package var detail: [UInt8]

        /// An entry.
        package init(subject: String, operation: String, detail: [UInt8] = []) {
            self.subject = subject
            self.operation = operation
            self.detail = detail
        }
    }

    private let connection: Connection

    /// The journal as the transaction of `connection` sees it.
    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Writes an entry, in the place of an earlier one about the same subject.
    package func begin(_ entry: Entry) throws {
        try connection.execute(
            """
            INSERT INTO journal VALUES (?1, ?2, ?3)
            ON CONFLICT (subject) DO UPDATE SET operation = excluded.operation, detail = excluded.detail
            """,
            .text(entry.subject),
            .text(entry.operation),
            .blob(entry.detail)
        )
    }

    /// Removes the entry about a subject; none is fine.
    package func finish(_ subject: String) throws {
        try connection.execute("DELETE FROM journal WHERE subject = ?1", .text(subject))
    }

    /// All entries, by subject.
    package func entries() throws -> [Entry] {
        try connection.rows("SELECT subject, operation, detail FROM journal ORDER BY subject").compactMap { row in
            guard row.count == 3, case .text(let subject) = row[0], case .text(let operation) = row[1],
                case .blob(let detail) = row[2]
            else { return nil }
            return Entry(subject: subject, operation: operation, detail: detail)
        }
    }
}
