import Glibc
import StellarStorage
import StellarTestKit
import Synchronization
import Testing

@testable import StellarStore

/// Commits from the opening of a store to its end: no write is lost, and no writer waits for ever.
@Suite(.timeLimit(.minutes(10)))
struct StoreRunTests {
    private func with(_ body: (Database, ReplicatedStore) async throws -> Void) async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            try await body(database, try await ReplicatedStore.alone(database, node: "a"))
            await database.close()
        }
    }

    private enum Outcome: Equatable {
        case written
        case stopping
        case other(String)
    }

    private static func write(_ key: String, to store: ReplicatedStore) async -> Outcome {
        do {
            try await store.write([StoreChange("b", key, [1])])
            return .written
        } catch StoreError.stopping {
            return .stopping
        } catch {
            return .other("\(error)")
        }
    }

    @Test func cancellingRunFinishesTheTransactionAndFailsWaitingWriters() async throws {
        try await with { database, store in
            let gate = try Gate()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                try await eventually("it runs") { store.state.withLock { $0.phase == .running } ? true : nil }
                async let first = store.write([StoreChange("b", "first", [1])]) { _ in gate.pass() }
                try await eventually("the first is on its way") { gate.isReached ? true : nil }
                async let second = Self.write("second", to: store)
                async let third = Self.write("third", to: store)
                try await eventually("two wait") { store.state.withLock { $0.queue.count == 2 } ? true : nil }
                group.cancelAll()
                // They do not wait for the disk.
                #expect(await [second, third] == [.stopping, .stopping])
                #expect(await Self.write("late", to: store) == .stopping)
                gate.open()
                #expect(try await first.map(\.key.key) == ["first"])
                try await group.waitForAll()
            }
            #expect(await Self.write("later", to: store) == .stopping)
            #expect("\(StoreError.stopping)" == "the store is stopping")
            #expect(store.entries("b").map(\.key.key) == ["first"])
            let again = try await ReplicatedStore.alone(database, node: "a")
            #expect(again.entries("b") == store.entries("b"))
        }
    }

    @Test func writesAreCommittedWithoutRunAndWhileItBegins() async throws {
        for round in 0..<20 {
            try await with { database, store in
                try await store.write([StoreChange("b", "before", [1])])
                let outcomes = await withTaskGroup(of: Outcome?.self) { group in
                    for number in 0..<20 { group.addTask { await Self.write("\(number)", to: store) } }
                    for _ in 0..<round { await Task.yield() }
                    group.addTask {
                        await store.run()
                        return nil
                    }
                    for number in 20..<40 { group.addTask { await Self.write("\(number)", to: store) } }
                    var outcomes: [Outcome] = []
                    while outcomes.count < 40, let outcome = await group.next() {
                        outcomes += outcome.map { [$0] } ?? []
                    }
                    group.cancelAll()
                    return outcomes
                }
                #expect(outcomes == Array(repeating: .written, count: 40))
                let again = try await ReplicatedStore.alone(database, node: "a")
                #expect(again.entries("b").count == 41)
            }
        }
    }

    @Test func everyWriterGetsAnOutcomeWheneverRunIsCancelled() async throws {
        for round in 0..<20 {
            try await with { database, store in
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    await withTaskGroup(of: Void.self) { running in
                        running.addTask { await store.run() }
                        for number in 0..<100 { group.addTask { await Self.write("\(number)", to: store) } }
                        for _ in 0..<(round * 10) { await Task.yield() }
                        running.cancelAll()
                    }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.allSatisfy { $0 == .written || $0 == .stopping }, "\(outcomes)")
                // Exactly the acknowledged writes are on the disk.
                let again = try await ReplicatedStore.alone(database, node: "a")
                #expect(again.entries("b").count == outcomes.count { $0 == .written })
            }
        }
    }

    @Test func runThatIsCancelledBeforeItBeginsStopsTheStore() async throws {
        try await with { _, store in
            await withTaskGroup(of: Void.self) { group in
                group.cancelAll()
                group.addTask { await store.run() }
            }
            #expect(await Self.write("late", to: store) == .stopping)
        }
    }
}

/// A gate that blocks threads until it is opened.
private final class Gate: Sendable {
    private let ends: (read: Int32, write: Int32)
    private let reached = Mutex(false)

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    var isReached: Bool { reached.withLock { $0 } }

    func pass() {
        reached.withLock { $0 = true }
        var byte: UInt8 = 0
        while read(ends.read, &byte, 1) < 0, errno == EINTR {}
    }

    func open() {
        var byte: UInt8 = 1
        while write(ends.write, &byte, 1) < 0, errno == EINTR {}
    }
}
