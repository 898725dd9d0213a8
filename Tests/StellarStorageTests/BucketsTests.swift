import StellarStorage
import Testing

@Suite(.timeLimit(.minutes(10)))
struct BucketsTests {
    @Test func entriesComeInByteOrderAndOnlyOfThePrefix() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        let keys = [
            "ips.b.1", "ips.a.10", "ips.a.2", "ips.a.1", "ips", "ips.a.é", "routes.x", "IPS.a.1", "ips.a.\u{10FFFF}",
        ]
        try await database.write { connection in
            for key in keys { try Buckets(connection).set(key, in: "net", to: Array(key.utf8)) }
            try Buckets(connection).set("ips.a.7", in: "elsewhere", to: [])
        }
        let found = try await database.read { try Buckets($0).entries(in: "net", prefix: "ips.a.") }
        #expect(found.map(\.key) == ["ips.a.1", "ips.a.10", "ips.a.2", "ips.a.é", "ips.a.\u{10FFFF}"])
        #expect(found.allSatisfy { $0.value == Array($0.key.utf8) })
        let all = try await database.read { try Buckets($0).entries(in: "net") }
        #expect(all.map(\.key) == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        await database.close()
    }

    @Test func settingTwiceReplacesAndRemovingTwiceIsFine() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        try await database.write { connection in
            let buckets = Buckets(connection)
            try buckets.set("k", in: "b", to: [1])
            try buckets.set("k", in: "b", to: [])
        }
        #expect(try await database.read { try Buckets($0).value("k", in: "b") } == [])
        try await database.write { connection in
            try Buckets(connection).remove("k", in: "b")
            try Buckets(connection).remove("k", in: "b")
        }
        #expect(try await database.read { try Buckets($0).value("k", in: "b") } == nil)
        await database.close()
    }

    @Test func journalKeepsOneEntryPerSubjectUntilItIsFinished() async throws {
        let directory = try TemporaryDirectory()
        let database = try await Database.open(path: directory.path + "/test.db", schema: .local)
        try await database.write { connection in
            let journal = Journal(connection)
            try journal.begin(Journal.Entry(subject: "b.web.0", operation: "create", detail: [1]))
            try journal.begin(Journal.Entry(subject: "a.web.0", operation: "create"))
            try journal.begin(Journal.Entry(subject: "b.web.0", operation: "delete", detail: [2]))
        }
        #expect(
            try await database.read { try Journal($0).entries() } == [
                Journal.Entry(subject: "a.web.0", operation: "create"),
                Journal.Entry(subject: "b.web.0", operation: "delete", detail: [2]),
            ]
        )
        try await database.write { connection in
            try Journal(connection).finish("b.web.0")
            try Journal(connection).finish("never.begun.0")
        }
        #expect(try await database.read { try Journal($0).entries().map(\.subject) } == ["a.web.0"])
        await database.close()
    }
}
