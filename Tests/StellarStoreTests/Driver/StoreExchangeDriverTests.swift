import StellarStorage
import StellarTestKit
import Testing

@testable import StellarStore

/// Stores that communicate: they converge despite any lost messages.
@Suite(.timeLimit(.minutes(10)))
struct StoreExchangeDriverTests {
    /// Waits until all stores hold the same writes.
    private func same(_ stores: [String: ReplicatedStore], _ what: String) async throws {
        try await eventually("the stores are the same: \(what)", within: .seconds(120), every: .milliseconds(50)) {
            let all = stores.values.map { store in store.everything.filter { !$0.isTombstone } }
            return all.allSatisfy { $0 == all[0] } && !all[0].isEmpty ? true : nil
        }
    }

    private func value(_ count: Int, _ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    @Test func aWriteReachesAllByGossipAndIsAcknowledged() async throws {
        try await FakeStoreNetwork.with(["a", "b", "c"]) { network, stores in
            let store = try #require(stores["a"])
            let written = try await store.write([StoreChange("x", "k", [1])])
            try await same(stores, "one small write")
            let last = try #require(written.last).stamp
            let found = await store.waitConverged(last, within: .seconds(100))
            #expect(found == ["b", "c"].map { StoreConvergence(node: $0, state: .reached) })
        }
    }

    @Test func anExchangeTransfersLostGossipInBothDirections() async throws {
        try await FakeStoreNetwork.with(["a", "b"]) { network, stores in
            network.isGossipLost = true
            let (first, second) = (try #require(stores["a"]), try #require(stores["b"]))
            // More than one message, and values that are too large for a datagram.
            for number in 0..<40 {
                try await first.write([StoreChange("x", "a\(number)", value(20_000, 1))], durability: .lazy) { _ in }
                try await second.write([StoreChange("x", "b\(number)", value(20_000, 2))], durability: .lazy) { _ in }
            }
            try await second.write([StoreChange("x", "large", value(StoreLimits.value, 3))])
            network.isGossipLost = false
            try await same(stores, "eighty large ones")
            #expect(first.entries("x").count == 81)
            #expect(network.exchanges > 0)
        }
    }

    @Test func aBurstOfWritesArrivesCompletelyFromAnyNode() async throws {
        try await FakeStoreNetwork.with(["a", "b", "c"]) { _, stores in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (name, store) in stores {
                    for writer in 0..<10 {
                        group.addTask {
                            for number in 0..<200 {
                                try await store.write([StoreChange("x", "\(name)\(writer)-\(number)", value(100, 1))])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await same(stores, "six thousand writes")
            #expect(stores["a"]?.entries("x").count == 6000)
        }
    }

    @Test func aBrokenExchangeIsRetried() async throws {
        for frames in [0, 1, 2, 4] {
            try await FakeStoreNetwork.with(["a", "b"]) { network, stores in
                network.isGossipLost = true
                network.breakNextExchange(after: frames)
                let store = try #require(stores["a"])
                for number in 0..<10 {
                    try await store.write([StoreChange("x", "\(number)", value(100_000, 1))])
                }
                network.isGossipLost = false
                try await same(stores, "after \(frames) frames")
            }
        }
    }

    @Test func aNodeThatCannotStoreEntriesDoesNotClaimThem() async throws {
        try await TemporaryDirectory.with { path in
            let (here, there) = (
                try await Database.open(path: path + "/a.db"), try await Database.open(path: path + "/b.db")
            )
            let writer = try await ReplicatedStore.alone(here, node: "a")
            let reader = try await ReplicatedStore.alone(there, node: "b")
            for number in 0..<10 { try await writer.write([StoreChange("x", "\(number)", value(100_000, 1))]) }

            // SQLite says FULL at this many pages, as it does on a full disk.
            let pages = try await there.write { try $0.rows("PRAGMA page_count") }
            guard case .integer(let count)? = pages.first?.first else { throw NoPageCount() }
            try await there.write { _ = try $0.rows("PRAGMA max_page_count=\(count + 40)") }
            await #expect(throws: (any Error).self) { try await exchange(writer, reader) }
            #expect(reader.stamp(of: "a") == .zero)
            #expect(writer.seen()["b"] ?? .zero == .zero)

            try await there.write { _ = try $0.rows("PRAGMA max_page_count=1000000") }
            try await exchange(writer, reader)
            #expect(reader.everything == writer.everything)
            #expect(reader.stamp(of: "a") == writer.ownStamp)
            #expect(reader.hasSynced)
            // All entries are on the disk.
            let again = try await ReplicatedStore.alone(there, node: "b")
            #expect(again.everything == writer.everything)
            #expect(again.stamp(of: "a") == writer.ownStamp)
            await here.close()
            await there.close()
        }
    }

    @Test func invalidMessagesOfAPeerAreRefusedAndChangeNothing() async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/a.db")
            let store = try await ReplicatedStore.alone(database, node: "a")
            try await store.write([StoreChange("x", "k", [1])])
            for frame in [[], [0], [255, 255, 255], value(1000, 7)] {
                let (ours, theirs) = StoreChannel.pair()
                try await ours.send(frame)
                ours.finish()
                await #expect(throws: (any Error).self) { try await store.answer(on: theirs) }
            }
            #expect(store.everything.count == 1)
            await database.close()
        }
    }

    @Test func exchangesBeyondTheLimitAreRefused() async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/a.db")
            let store = try await ReplicatedStore.alone(database, node: "a")
            try await withThrowingTaskGroup(of: Void.self) { group in
                var open: [StoreChannel] = []
                for _ in 0..<ReplicatedStore.maximumVisitors {
                    let (ours, theirs) = StoreChannel.pair()
                    open.append(ours)
                    group.addTask { try? await store.answer(on: theirs) }
                }
                try await eventually("all are in") {
                    store.visitors == ReplicatedStore.maximumVisitors ? true : nil
                }
                let error = await #expect(throws: StorePeerError.self) {
                    try await store.answer(on: StoreChannel.pair().1)
                }
                #expect(error?.code == .unavailable)
                for channel in open { channel.finish() }
                try await group.waitForAll()
                #expect(store.visitors == 0)
            }
            await database.close()
        }
    }

    @Test func aStoppingNodeHandsOverItsLastWrites() async throws {
        try await FakeStoreNetwork.with(["a", "b", "c"]) { network, stores in
            network.isGossipLost = true
            let store = try #require(stores["a"])
            // Too long for gossip.
            let last = try await store.write([StoreChange("x", "k", value(5000, 1))])[0]
            await store.handOver(to: network.peers(of: "a"))
            #expect(stores.values.count { $0.entry("x", "k") == last } >= 2)
        }
    }

    @Test func theWaitNamesNodesThatAreBehindAndIgnoresDeadOnes() async throws {
        try await FakeStoreNetwork.with(["a", "b", "c"]) { network, stores in
            network.isGossipLost = true
            network.declareDead("c")
            let store = try #require(stores["a"])
            let stamp = StoreStamp(rawValue: StoreStamp.latest.rawValue - 1)
            // No node ever gets this write, so that the wait reaches its limit.
            let limit = Duration.milliseconds(300)
            let found = await store.waitConverged(stamp, within: limit)
            #expect(found.map(\.node) == ["b", "c"])
            guard case .behind = found[0].state else {
                Issue.record("\(found[0].state)")
                return
            }
            #expect(found[1].state == .dead)
        }
    }

    private func exchange(_ caller: ReplicatedStore, _ called: ReplicatedStore) async throws {
        let (ours, theirs) = StoreChannel.pair()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { theirs.finish() }
                try await called.answer(on: theirs)
            }
            do {
                try await caller.exchange(with: called.node, isFull: false, peers: OneChannel(channel: ours))
            } catch {
                ours.finish()
                throw error
            }
            try await group.waitForAll()
        }
    }

    private struct NoPageCount: Error {}

    private struct OneChannel: StorePeers {
        var channel: StoreChannel

        func others() async -> [StorePeer] { [] }

        func exchange<Outcome: Sendable>(
            with name: String,
            _ body: @Sendable (StoreChannel) async throws -> Outcome
        ) async throws -> Outcome {
            try await body(channel)
        }

        func seen(
            _ origin: String,
            by names: [String],
            limit: Duration
        ) async -> [String: Result<StoreStamp, StorePeerError>] { [:] }
    }
}
