import StellarTestKit
import Testing

@testable import StellarStore

struct StoreExchangeTests {
    @Test func bothNodesGetAllWrites() throws {
        let bench = StoreBench(2)
        bench.write("x", "a", at: 0)
        bench.write("deleted", "a", at: 0)
        bench.time += 1
        bench.write("y", "b", at: 1)
        bench.write("x", "b", at: 1)
        bench.write("deleted", nil, at: 0)
        try bench.exchange(0, 1)
        for index in 0..<2 { #expect(bench.living(index) == ["x": "b", "y": "b"]) }
        #expect(bench.machines[0].vector == bench.machines[1].vector)
        #expect(bench.machines[0].everything == bench.machines[1].everything)
        // Each knows that the other has the writes on its disk.
        #expect(bench.machines[0].watermarks["b"] == bench.machines[0].ownStamp)
        #expect(bench.machines[1].watermarks["a"] == bench.machines[1].ownStamp)
        #expect(bench.machines[0].counters.differences == 0 && bench.machines[0].isSynced)
    }

    @Test func onlyMissingWritesAreSent() throws {
        let bench = StoreBench(2)
        for index in 0..<200 { bench.write("key \(index)", "value", at: 0) }
        let first = try #require(try bench.exchange(1, 0)).reduce(0, +)
        bench.write("one more", "value", at: 0)
        let second = try #require(try bench.exchange(1, 0)).reduce(0, +)
        #expect(first > 4000 && second < 300)
        #expect(bench.living(1).count == 201)
    }

    @Test func manyWritesAreSentInBatches() throws {
        let bench = StoreBench(2)
        let large = String(repeating: "x", count: 100_000)
        for index in 0..<12 { bench.write("\(index)", large, at: 0) }
        bench.write("huge", String(repeating: "x", count: StoreLimits.value), at: 0)
        let sizes = try #require(try bench.exchange(1, 0))
        #expect(bench.living(1).count == 13 && sizes.count > 8)
        #expect(sizes.filter { $0 > 300_000 }.count == 1 && sizes.allSatisfy { $0 < 1_100_000 })
    }

    /// The vector comes last, so a broken exchange has claimed nothing.
    @Test func aBrokenExchangeIsRepeated() throws {
        for limit in 1...8 {
            let bench = StoreBench(2)
            bench.write("x", "a", at: 0)
            bench.write("y", "b", at: 1)
            let isWhole = try bench.exchange(0, 1, limit: limit) != nil
            for index in 0..<2 {
                for (node, key) in [(0, "x"), (1, "y")] where bench.vector(index, node) > .zero {
                    #expect(bench.living(index)[key] != nil)
                }
            }
            #expect(isWhole == (limit > 6))
            #expect(bench.machines[0].counters.failedExchanges == (isWhole ? 0 : 1))
            try bench.exchange(0, 1)
            #expect(bench.living(0).count == 2 && bench.living(1) == bench.living(0))
        }
    }

    @Test func changesDuringAnExchangeAreNotClaimed() throws {
        let bench = StoreBench(2)
        bench.write("x", "a", at: 0)
        var caller = bench.machines[1].exchange(with: "a", isFull: false)
        var called = bench.machines[0].exchange()
        let hello = caller.start()
        // After the copy is made.
        let later = try #require(bench.write("y", "a", at: 0))
        guard case .send(let bytes)? = hello.first else { return }
        var sent: [[UInt8]] = []
        func collect(_ effects: [StoreExchangeEffect]) {
            for effect in effects {
                if case .send(let bytes) = effect { sent.append(bytes) }
                if case .more = effect { collect(called.next()) }
            }
        }
        collect(try called.receive(bytes))
        for bytes in sent {
            for case .store(let input) in try caller.receive(bytes) {
                bench.store([input], at: 1)
                _ = caller.stored()
            }
        }
        #expect(bench.living(1) == ["x": "a"] && bench.vector(1, 0) < later.stamp)
    }

    /// A superseded write is not sent, and is covered.
    @Test func aThirdNodeGetsTheSupersedingWrite() throws {
        let bench = StoreBench(3)
        bench.write("x", "a", at: 0)
        try bench.exchange(1, 0)
        bench.time += 1
        bench.write("x", "b", at: 1)
        try bench.exchange(2, 1)
        #expect(bench.living(2) == ["x": "b"] && bench.vector(2, 0) == bench.machines[0].ownStamp)
        try bench.exchange(0, 2)
        #expect(bench.living(0) == ["x": "b"])
    }

    @Test func messagesOutOfTurnFail() throws {
        let bench = StoreBench(2)
        bench.write("x", "a", at: 0)
        var caller = bench.machines[0].exchange(with: "b", isFull: false)
        let hello = caller.start()
        var ends: [(StoreExchange, StoreExchangeMessage)] = []
        ends.append((bench.machines[1].exchange(), .entries([])))
        ends.append((bench.machines[1].exchange(), .end(0)))
        ends.append((bench.machines[1].exchange(), .done(0)))
        ends.append((bench.machines[1].exchange(with: "a", isFull: false), .done(0)))
        for (end, message) in ends {
            var end = end
            #expect(throws: StoreWireError.wrongType) { try end.receive(message.encoded()) }
        }
        guard case .send(let bytes)? = hello.first else { return }
        var called = bench.machines[1].exchange()
        _ = try called.receive(bytes)
        #expect(throws: StoreWireError.wrongType) { try called.receive(bytes) }
    }

    // MARK: Full exchanges

    /// An old disk and a clock set back: the writes after the restart have stamps that others claim to have.
    @Test func reusedStampsAreDetected() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        bench.write("x", "a", at: 0)
        try bench.exchange(1, 0)
        let old = bench.disks[0]
        bench.time += 100
        bench.write("y", "lost here", at: 0)
        try bench.exchange(1, 0)
        bench.clockErrors[0] = -50
        bench.restart(0, on: old)
        bench.join(0, 1)
        let hidden = try #require(bench.write("z", "new life", at: 0))
        #expect(bench.vector(1, 0) > hidden.stamp)
        try bench.exchange(0, 1)
        // Both detect that they differ; the reason does not matter.
        #expect(bench.living(1)["z"] == nil)
        #expect(bench.machines[0].counters.differences == 1 && bench.machines[1].counters.differences == 1)
        bench.pass(1.1, at: 0)
        #expect(bench.takeExchange(0)?.isFull == true)
        try bench.exchange(0, 1, isFull: true)
        for index in 0..<2 { #expect(bench.living(index) == ["x": "a", "y": "lost here", "z": "new life"]) }
        #expect(bench.machines[0].counters.differences == 1)
        // The node gives no such stamp again.
        #expect(bench.write("w", "v", at: 0).map { $0.stamp > bench.vector(1, 0) } == true)
    }

    @Test func remainingDifferencesCostLess() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        try bench.exchange(0, 1)
        var exchanges: [Double] = []
        for _ in 0..<200 {
            bench.pass(1, at: 0)
            guard let wanted = bench.takeExchange(0) else {
                // A peer that claims a difference at each probe, without one.
                let probe = StoreProbe(node: "b", vector: 1, living: 1, tombstones: 1, floor: .zero)
                if exchanges.isEmpty { try bench.receive(.probe(probe), at: 0) }
                continue
            }
            exchanges.append(bench.time)
            var exchange = bench.machines[0].exchange(with: "b", isFull: wanted.isFull)
            var called = bench.machines[1].exchange()
            guard case .send(let hello)? = exchange.start().first else { return }
            guard case .send(let answer)? = try called.receive(hello).first else { return }
            _ = try exchange.receive(answer)
            _ = try exchange.receive(StoreExchangeMessage.end(0).encoded())
            _ = exchange.stored()
            _ = exchange.next()
            _ = try exchange.receive(StoreExchangeMessage.done(12345).encoded())
            bench.machines[0].exchangeEnded(exchange, failed: false, now: bench.now(0), using: &bench.random)
        }
        let waits = zip(exchanges.dropFirst(), exchanges).map { $0 - $1 }
        #expect(exchanges.count >= 5 && exchanges.count < 10)
        #expect(waits.last ?? 0 > 30)
    }
}
