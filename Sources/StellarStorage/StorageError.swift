/// Why the storage could not do what it was asked.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. New kinds may be added.
    package struct Code: Sendable, Hashable {
        private let name: String

        /// The file cannot be opened or created.
        package static let cannotOpen = Code(name: "cannotOpen")
        /// The file is not a database, or a damaged one.
        package static let corrupt = Code(name: "corrupt")
        /// The file was written by a later version.
        package static let newerSchema = Code(name: "newerSchema")
        /// No space left on the device.
        package static let full = Code(name: "full")
        /// The database is closed.
        package static let closed = Code(name: "closed")
        /// A statement failed.
        package static let statement = Code(name: "statement")
        /// The thread that should own the database could not be started.
        package static let thread = Code(name: "thread")
    }

    /// The kind of failure.
    package var code: Code
    /// What failed, on which file or statement, and SQLite's words for it.
    package var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
