/// Why the storage could not do what it was asked.
public struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. New kinds may be added.
    public struct Code: Sendable, Hashable {
        private let name: String

        /// The file cannot be opened or created.
        public static let cannotOpen = Code(name: "cannotOpen")
        /// The file is not a database, or a damaged one.
        public static let corrupt = Code(name: "corrupt")
        /// The file was written by a later version.
        public static let newerSchema = Code(name: "newerSchema")
        /// No space left on the device.
        public static let full = Code(name: "full")
        /// The database is closed.
        public static let closed = Code(name: "closed")
        /// A statement failed.
        public static let statement = Code(name: "statement")
        /// The thread that should own the database could not be started.
        public static let thread = Code(name: "thread")
    }

    /// The kind of failure.
    public var code: Code
    /// What failed, on which file or statement, and SQLite's words for it.
    public var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
