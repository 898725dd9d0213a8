import StellarCore
import StellarRPC
import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

@Suite struct AppBookTests {
    private func desired(_ services: String...) -> DesiredApp {
        DesiredApp(app: .sample("demo", services.map { .sample($0) }), assignment: Assignment(), createdAt: 1)
    }

    private func entry(_ stamp: UInt64, _ desired: DesiredApp?, origin: String = "n1") -> StoreEntry {
        entry(stamp, bytes: desired?.encoded, origin: origin)
    }

    private func entry(_ stamp: UInt64, bytes: [UInt8]?, origin: String = "n1") -> StoreEntry {
        StoreEntry(StoreKey(StoreBucket.apps, "demo"), bytes, stamp: StoreStamp(rawValue: stamp), origin: origin)
    }

    @Test func theNewestRecordCountsInAnyOrderOfArrival() {
        let entries = [entry(1, desired("a")), entry(2, desired("b")), entry(2, desired("c"), origin: "n2")]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            var book = AppBook()
            for index in order { book.apply(entries[index], arrival: 7) }
            #expect(book.apps["demo"]?.app.services.map(\.name) == ["c"])
            #expect(book.versions["demo"] == AppVersion(entries[2]))
            #expect(book.arrivals["demo"] == 7)
        }
    }

    @Test func aRecordThatIsNotNewerChangesNothing() {
        var book = AppBook()
        #expect(book.apply(entry(2, desired("a")), arrival: 7) == .applied)
        #expect(book.apply(entry(2, desired("a")), arrival: 8) == .stale)
        #expect(book.apply(entry(1, nil), arrival: 8) == .stale)
        #expect(book.apply(entry(1, bytes: [0]), arrival: 8) == .stale)
        #expect(book.apps["demo"] == desired("a") && book.arrivals["demo"] == 7 && book.undecodable.isEmpty)
    }

    @Test func aDeletedAppIsRememberedByItsVersion() {
        var book = AppBook()
        book.apply(entry(1, desired("a")), arrival: nil)
        #expect(book.apply(entry(2, nil), arrival: 7) == .applied)
        #expect(book.apps.isEmpty && book.versions["demo"]?.stamp == StoreStamp(rawValue: 2))
        #expect(book.apply(entry(1, desired("a")), arrival: 8) == .stale)
    }

    @Test func anUndecodableRecordLeavesTheAppAndIsReplacedByANewerOne() {
        var book = AppBook()
        book.apply(entry(1, desired("a")), arrival: nil)
        guard case .undecodable(let reason) = book.apply(entry(3, bytes: Array("{}".utf8)), arrival: 7) else {
            Issue.record("it was decoded")
            return
        }
        #expect(book.undecodable == ["demo": reason] && book.apps["demo"] == desired("a"))
        #expect(throws: AppError.self) { try book.basis("demo") }
        #expect(book.apply(entry(2, desired("b")), arrival: 8) == .stale)
        #expect(book.apply(entry(4, desired("c")), arrival: 9) == .applied)
        #expect(book.undecodable.isEmpty && book.apps["demo"] == desired("c"))
    }

    /// A node that was dead for longer than tombstones are kept learns of a delete only by the record's removal.
    @Test func aPurgedRecordLeavesTheBook() {
        var book = AppBook()
        book.apply(entry(5, desired("a")), arrival: nil)
        #expect(book.apply(entry(5, nil), arrival: 7) == .applied)
        #expect(book.apps.isEmpty)
        #expect(book.apply(entry(5, nil), arrival: 8) == .stale)
    }

    @Test func theLoadOfANodeLeavesOutTheAppThatIsPlaced() {
        var book = AppBook()
        var service = Service.sample("web")
        service.resources.memory = 100 << 20
        var assignment = Assignment()
        assignment[ContainerID(app: "demo", service: "web", replica: 0)] = "n1"
        let app = DesiredApp(app: .sample("demo", [service]), assignment: assignment, createdAt: 1)
        book.apply(entry(1, app), arrival: nil)
        #expect(book.load(without: nil)["n1"] != nil)
        #expect(book.load(without: "demo").isEmpty)
    }

    @Test func aLastingDifferenceFromTheStoreIsReportedAndApplied() async throws {
        try await FakeNode.with { node in
            let store = try await ReplicatedStore.alone(node.database, node: "n1")
            let book = LiveAppBook(store: store, logger: FakeClusterNode.silent)
            // Nothing runs the book, so it misses both.
            try await store.write([StoreChange(StoreBucket.apps, "one", desired("a").encoded)])
            book.check()
            #expect(book.problem == nil && book.current.apps.isEmpty, "it may be on its way")
            try await store.write([StoreChange(StoreBucket.apps, "two", desired("a").encoded)])
            book.check()
            #expect(book.problem?.contains("one") == true && book.current.apps.keys.sorted() == ["one"])
            book.check()
            #expect(book.problem?.contains("two") == true && book.current.apps.keys.sorted() == ["one", "two"])
            book.check()
            #expect(book.problem == nil)
        }
    }

    @Test func theLiveBookFollowsTheStoreAndHandsEachNameToItsReadersOnce() async throws {
        try await FakeNode.with { node in
            let store = try await ReplicatedStore.alone(node.database, node: "n1")
            try await store.write([StoreChange(StoreBucket.apps, "old", desired("a").encoded)])
            let book = LiveAppBook(store: store, logger: FakeClusterNode.silent)
            book.load()
            #expect(book.current.apps.keys.sorted() == ["old"] && book.current.arrivals.isEmpty)
            let names = book.changes()
            await withTaskGroup { group in
                group.addTask { await book.run() }
                group.addTask {
                    _ = try? await store.write([StoreChange(StoreBucket.apps, "new", desired("a").encoded)])
                    _ = try? await store.write([StoreChange(StoreBucket.apps, "old", nil)])
                    _ = try? await eventually("both have arrived") {
                        book.current.apps.keys.sorted() == ["new"] ? true : nil
                    }
                    var seen: Set<String> = []
                    for await some in names {
                        seen.formUnion(some)
                        if seen == ["new", "old"] { break }
                    }
                    #expect(book.current.arrivals["new"] != nil)
                }
                await group.next()
                group.cancelAll()
            }
        }
    }
}
