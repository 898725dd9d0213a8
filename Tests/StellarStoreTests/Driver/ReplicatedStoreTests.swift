import StellarStorage
import StellarTestKit
import Synchronization
import Testing

@testable import StellarStore

@Suite(.timeLimit(.minutes(10)))
struct ReplicatedStoreTests {
    private func with(_ body: (Database, ReplicatedStore) async throws -> Void) async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            try await body(database, try await ReplicatedStore.alone(database, node: "a"))
            await database.close()
        }
    }

    @Test func writesAreReadableAndOnTheDisk() async throws {
        try await with { database, store in
            let written = try await store.write([StoreChange("b", "k", [1]), StoreChange("b", "l", [2])])
            #expect(written.map(\.key.key) == ["k", "l"] && written.allSatisfy { $0.origin == "a" })
            #expect(written[0].stamp < written[1].stamp)
            #expect(store.entries("b") == written)
            try await store.write([StoreChange("b", "k", nil)])
            #expect(store.value("b", "k") == nil)
            #expect(store.entry("b", "k")?.isTombstone == true)

            let again = try await ReplicatedStore.alone(database, node: "a")
            #expect(again.entries("b") == [written[1]])
            #expect(again.entry("b", "k")?.isTombstone == true)
            #expect(again.ownStamp == store.ownStamp)
            // The store's clock continues from there, whatever the computer's clock is.
            #expect(try await again.write([StoreChange("b", "k", [3])])[0].stamp > store.ownStamp)
        }
    }

    @Test func dataAlongsideIsInTheSameTransaction() async throws {
        struct Stop: Error {}
        try await with { database, store in
            try await store.write([StoreChange("b", "k", [1])]) { try Buckets($0).set("ip", in: "local", to: [7]) }
            #expect(try await database.read { try Buckets($0).value("ip", in: "local") } == [7])
            await #expect(throws: Stop.self) {
                try await store.write([StoreChange("b", "l", [1])]) { connection in
                    try Buckets(connection).set("other", in: "local", to: [7])
                    throw Stop()
                }
            }
            #expect(store.value("b", "l") == nil)
            #expect(try await database.read { try Buckets($0).value("other", in: "local") } == nil)
            // If one part cannot be stored, nothing is.
            await #expect(throws: StoreError.self) {
                try await store.write([StoreChange("b", "", [1])]) {
                    try Buckets($0).set("other", in: "local", to: [7])
                }
            }
            #expect(try await database.read { try Buckets($0).value("other", in: "local") } == nil)
            // Only the data alongside, without a write of the store.
            #expect(try await store.write([]) { try Buckets($0).set("other", in: "local", to: [8]) } == [])
            #expect(try await database.read { try Buckets($0).value("other", in: "local") } == [8])
        }
    }

    @Test func concurrentWritersSucceedAndAFailedOneHarmsNoOther() async throws {
        struct Stop: Error {}
        try await with { database, store in
            let failed = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        do {
                            try await store.write([StoreChange("b", "\(number)", [1])]) { connection in
                                if number % 7 == 0 { throw Stop() }
                                try Buckets(connection).set("\(number)", in: "local", to: [1])
                            }
                            return false
                        } catch {
                            return true
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failed == 43)
            #expect(store.entries("b").count == 257)
            #expect(Set(store.entries("b").map(\.stamp)).count == 257)
            #expect(try await database.read { try Buckets($0).entries(in: "local").count } == 257)
            let reopened = try await ReplicatedStore.alone(database, node: "a")
            #expect(reopened.entries("b") == store.entries("b"))
        }
    }

    @Test func theLaterOfTwoWritesWinsOnAllNodes() async throws {
        try await with { database, first in
            try await TemporaryDirectory.with { path in
                let other = try await Database.open(path: path + "/test.db")
                let second = try await ReplicatedStore.alone(other, node: "b")
                let early = try await first.write([StoreChange("b", "k", [1])])
                try await second.take(early)
                let late = try await second.write([StoreChange("b", "k", nil)])
                try await first.take(late)
                try await first.take(early)
                #expect(first.value("b", "k") == nil)
                #expect(first.entry("b", "k") == second.entry("b", "k"))
                let reopened = try await ReplicatedStore.alone(database, node: "a")
                #expect(reopened.entry("b", "k") == late[0])
                await other.close()
            }
        }
    }

    @Test func changesArriveInOrderAndASlowReaderGetsThemAll() async throws {
        try await with { _, store in
            let feed = store.changes(in: "b")
            var news = feed.makeAsyncIterator()
            let first = try await store.write([StoreChange("b", "k", [1]), StoreChange("other", "k", [1])])
            #expect(await news.next() == .entries([first[0]]))
            let second = try await store.write([StoreChange("b", "k", nil)])
            #expect(await news.next() == .entries(second))
            for number in 0...StoreFeed.limit {
                try await store.write([StoreChange("b", "\(number)", [1])], durability: .lazy) { _ in }
            }
            #expect(await news.next() == .everything)
            let last = try await store.write([StoreChange("b", "k", [2])])
            #expect(await news.next() == .entries(last))
        }
    }

    @Test func aFileOfTheFirstFormatBecomesWritesOfThisNode() async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            let old = [
                (StoreBucket.apps, "demo"), (StoreBucket.nameserver, "x.example"), (StoreBucket.network, "subnets.a"),
                (StoreBucket.network, "routes.10.0.0.0/8"), (StoreBucket.network, "ips.a.demo.web.0"),
            ]
            try await database.write { connection in
                for (bucket, key) in old { try Buckets(connection).set(key, in: bucket, to: Array(key.utf8)) }
            }
            let store = try await ReplicatedStore.alone(database, node: "a")
            #expect(store.value(StoreBucket.apps, "demo")?.value == Array("demo".utf8))
            #expect(store.entries(StoreBucket.network).map(\.key.key) == ["routes.10.0.0.0/8", "subnets.a"])
            #expect(store.value(StoreBucket.nameserver, "x.example")?.origin == "a")
            // Addresses stay with the node, and nothing is migrated twice.
            let left = try await database.read { connection in
                try [StoreBucket.apps, StoreBucket.network, StoreBucket.nameserver].flatMap { bucket in
                    try Buckets(connection).entries(in: bucket).map(\.key)
                }
            }
            #expect(left == ["ips.a.demo.web.0"])
            let again = try await ReplicatedStore.alone(database, node: "a")
            #expect(again.everything == store.everything)
            await database.close()
        }
    }

    @Test func aFullDiskFailsTheWholeWrite() async throws {
        try await with { database, store in
            let kept = try await store.write([StoreChange("b", "kept", [1])])
            // SQLite says FULL at this many pages, as it does on a full disk.
            let pages = try await database.write { try $0.rows("PRAGMA page_count") }
            guard case .integer(let count)? = pages.first?.first else { throw StorageErrorMissing() }
            try await database.write { _ = try $0.rows("PRAGMA max_page_count=\(count)") }
            let large = [UInt8](repeating: 7, count: 100_000)
            let error = await #expect(throws: StorageError.self) {
                try await store.write([StoreChange("b", "large", large)])
            }
            #expect(error?.code == .full)
            #expect(store.problem?.contains("no space left") ?? false)
            #expect(store.entries("b") == kept)
            #expect(store.ownStamp == kept[0].stamp)
            await #expect(throws: StorageError.self) {
                try await store.take([StoreEntry(StoreKey("b", "k"), large, stamp: kept[0].stamp, origin: "z")])
            }
            #expect(store.value("b", "k") == nil)

            try await database.write { _ = try $0.rows("PRAGMA max_page_count=1000000") }
            try await store.write([StoreChange("b", "large", large)])
            #expect(store.problem == nil)
            let reopened = try await ReplicatedStore.alone(database, node: "a")
            #expect(reopened.entries("b").map(\.key.key) == ["kept", "large"])
        }
    }

    private struct StorageErrorMissing: Error {}
}
