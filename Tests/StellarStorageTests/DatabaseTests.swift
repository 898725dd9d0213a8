import Glibc
import StellarStorage
import Testing

/// A directory for one test, removed with everything in it at its end.
struct TemporaryDirectory: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/stellar-storage-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit {
        for name in ["test.db", "test.db-wal", "test.db-shm", "copy.db", "copy.db-wal"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

@Suite(.timeLimit(.minutes(10)))
struct DatabaseTests {
    @Test func valuesSurviveClosingAndOpening() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/test.db"
        let first = try await Database.open(path: path, schema: .local)
        try await first.write { try Buckets($0).set("key", in: "bucket", to: [0, 1, 255]) }
        await first.close()

        let second = try await Database.open(path: path, schema: .local)
        #expect(try await second.read { try Buckets($0).value("key", in: "bucket") } == [0, 1, 255])
        #expect(try await second.read { try Buckets($0).value("key", in: "other") } == nil)
        #expect(try await second.integrityProblems().isEmpty)
        await second.close()
    }

    @Test func acknowledgedWriteIsInTheFilesOfAProcessThatNeverClosed() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/test.db"
        let database = try await Database.open(path: path, schema: .local)
        for number in 0..<20 { try await database.write { try Buckets($0).set("\(number)", in: "b", to: []) } }

        // What a kill -9 leaves: the two files as they are now, without the shared memory index.
        try copy(path, to: directory.path + "/copy.db")
        try copy(path + "-wal", to: directory.path + "/copy.db-wal")
        let survivor = try await Database.open(path: directory.path + "/copy.db", schema: .local)
        #expect(try await survivor.read { try Buckets($0).entries(in: "b").count } == 20)
        await survivor.close()
        await database.close()
    }

    @Test func durableWritesAreFlushedBeforeTheyAreAcknowledged() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        func level(_ durability: Database.Durability) async throws -> [[StorageValue]] {
            try await database.write(durability: durability) { try $0.rows("PRAGMA synchronous") }
        }
        // FULL flushes the log before COMMIT returns; NORMAL does so with the next that does (sqlite.org/pragma.html).
        #expect(try await level(.durable) == [[.integer(2)]])
        #expect(try await level(.lazy) == [[.integer(1)]])
        #expect(try await level(.durable) == [[.integer(2)]])
        #expect(try await database.read { try $0.rows("PRAGMA journal_mode") } == [[.text("wal")]])
        await database.close()
    }

    @Test func onlyTheOwnerReadsIt() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        try await database.write { try Buckets($0).set("key", in: "bucket", to: [1]) }
        for name in ["test.db", "test.db-wal", "test.db-shm"] {
            var status = stat()
            try #require(stat("\(directory.path)/\(name)", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600, "\(name)")
        }
        await database.close()
    }

    @Test func transactionThatThrowsLeavesNothing() async throws {
        struct Stop: Error {}
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        await #expect(throws: Stop.self) {
            try await database.write { connection in
                try Buckets(connection).set("a", in: "b", to: [1])
                try Journal(connection).begin(Journal.Entry(subject: "s", operation: "create"))
                throw Stop()
            }
        }
        #expect(try await database.read { try Buckets($0).entries(in: "b").isEmpty })
        #expect(try await database.read { try Journal($0).entries().isEmpty })
        // The connection is usable, not stuck in the transaction that failed.
        try await database.write { try Buckets($0).set("a", in: "b", to: [2]) }
        await database.close()
    }

    @Test func lazyWritesAreSeenAtOnceAndKeepTheirOrder() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        try await database.write(durability: .lazy) { try Buckets($0).set("a", in: "b", to: [1]) }
        #expect(try await database.read { try Buckets($0).value("a", in: "b") } == [1])
        try await database.write { try Buckets($0).set("a", in: "b", to: [2]) }
        #expect(try await database.read { try Buckets($0).value("a", in: "b") } == [2])
        await database.close()
    }

    @Test func manyWritersAtOnceAreSerial() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    try await database.write(durability: .lazy) { connection in
                        let old = try Buckets(connection).value("count", in: "b")?.first ?? 0
                        try Buckets(connection).set("count", in: "b", to: [old + 1])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.read { try Buckets($0).value("count", in: "b") } == [50])
        await database.close()
    }

    @Test func closedDatabaseSaysSo() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        await database.close()
        let error = await #expect(throws: StorageError.self) { try await database.read { _ in } }
        #expect(error?.code == .closed)
    }

    @Test func fileThatIsNoDatabaseIsNamedAndLeftAlone() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/test.db"
        let content = Array("this is not a database at all, but long enough to look like one".utf8)
        try write(content, to: path)
        let error = await #expect(throws: StorageError.self) { try await Database.open(path: path, schema: .local) }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains(path) == true)
        #expect(try read(path) == content)
    }

    @Test func directoryThatDoesNotExistIsNamed() async throws {
        let error = await #expect(throws: StorageError.self) {
            try await Database.open(path: "/nonexistent/x.db", schema: .local)
        }
        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains("/nonexistent/x.db") == true)
    }

    @Test func fileOfALaterVersionIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/test.db"
        let database = try await Database.open(path: path, schema: .local)
        try await database.write { try $0.execute("PRAGMA user_version=99") }
        await database.close()
        let error = await #expect(throws: StorageError.self) { try await Database.open(path: path, schema: .local) }
        #expect(error?.code == .newerSchema)
    }
}

private func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        try #require(count >= 0)
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}

private func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
}

private func copy(_ source: String, to target: String) throws {
    try write(try read(source), to: target)
}
