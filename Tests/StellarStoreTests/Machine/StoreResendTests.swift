import StellarTestKit
import Testing

@testable import StellarStore

/// How a node sends its writes to nodes that gossip missed.
struct StoreResendTests {
    /// A node with this number of others, all at rest.
    private func met(_ count: Int) throws -> StoreBench {
        let bench = StoreBench(count)
        try bench.meet()
        return bench
    }

    /// The messages of the first node's next round: the runs and the notices, by node.
    private func round(_ bench: StoreBench) throws -> [String: [StoreMessage]] {
        bench.pass(0.61, at: 0)
        var sent: [String: [StoreMessage]] = [:]
        for case .send(let bytes, to: let node) in bench.take(0) {
            let message = try StoreMessage(bytes)
            switch message {
            case .fresh, .notice: sent[node, default: []].append(message)
            case .learnt, .probe, .seen: break
            }
        }
        return sent
    }

    /// Reports to the first node that a node has the write.
    private func acknowledge(_ bench: StoreBench, from index: Int) throws {
        bench.pass(0.31, at: index)
        for message in try bench.takeSent(index, to: 0) { try bench.receive(message, at: 0) }
    }

    @Test func unreportedWritesAreResent() throws {
        let bench = try met(3)
        bench.write("k", "v", at: 0)
        let run = try #require(try bench.takeRuns(0).first)
        try bench.receive(.fresh(run), at: 1)
        try acknowledge(bench, from: 1)
        let sent = try round(bench)
        #expect(sent.keys.sorted() == ["c"])
        #expect(sent["c"] == [.fresh(run), .notice(holder: "a", VersionVector(["a": run.upTo]))])
        for message in sent["c"] ?? [] { try bench.receive(message, at: 2) }
        #expect(bench.living(2) == ["k": "v"] && bench.vector(2, 0) == run.upTo)
        // With that it has all: it starts no exchange.
        bench.pass(1, at: 2)
        let said = bench.said[2]
        #expect(!said.contains { if case .exchange = $0 { true } else { false } })
        try acknowledge(bench, from: 2)
        #expect(try round(bench).isEmpty)
        #expect(bench.machines[0].watched == nil && bench.machines[0].recent.isEmpty)
        #expect(bench.machines[0].counters.resent == 1)
    }

    /// The report was lost.
    @Test func aResentWriteIsReportedAgain() throws {
        let bench = try met(2)
        bench.write("k", "v", at: 0)
        try bench.receive(.fresh(try bench.takeRuns(0)[0]), at: 1)
        bench.pass(0.01, at: 1)
        #expect(try bench.takeSent(1, to: 0).count == 1)
        for message in try round(bench)["b"] ?? [] { try bench.receive(message, at: 1) }
        try acknowledge(bench, from: 1)
        #expect(bench.machines[0].watermarks["b"] == bench.machines[0].ownStamp)
        #expect(try round(bench).isEmpty)
    }

    /// Values too large for a datagram, and more writes than the node keeps for resends.
    @Test(arguments: [["large"], (0..<20).map { "\($0)" }])
    func aNodeThatMissesTooMuchExchanges(keys: [String]) throws {
        let bench = try met(2)
        for key in keys { bench.write(key, String(repeating: "v", count: key == "large" ? 4000 : 900), at: 0) }
        _ = bench.take(0)
        let sent = try round(bench)
        #expect(sent["b"] == [.notice(holder: "a", VersionVector(["a": bench.machines[0].ownStamp]))])
        for message in sent["b"] ?? [] { try bench.receive(message, at: 1) }
        bench.pass(0.6, at: 1)
        #expect(bench.takeExchange(1)?.with == "a")
        try bench.exchange(1, 0)
        #expect(bench.living(1).count == keys.count)
        #expect(try round(bench).isEmpty)
    }

    @Test func resendsAreSpreadOverRounds() throws {
        let bench = try met(8)
        bench.write("k", "v", at: 0)
        _ = bench.take(0)
        var reached: Set<String> = []
        for _ in 0..<4 {
            let sent = try round(bench)
            #expect(sent.count <= 4)
            for (node, messages) in sent {
                let index = try #require(bench.machines.firstIndex { $0.name == node })
                #expect(reached.insert(node).inserted)
                for message in messages { try bench.receive(message, at: index) }
                try acknowledge(bench, from: index)
            }
        }
        #expect(reached.count == 7)
    }

    /// The resends end, and a dead node gets none.
    @Test func aNodeThatNeverReportsGetsProbesOnly() throws {
        let bench = try met(3)
        bench.machines[0].lost("c", now: bench.now(0))
        bench.drain(0)
        bench.write("k", "v", at: 0)
        _ = bench.take(0)
        var rounds = 0
        for _ in 0..<20 {
            let sent = try round(bench)
            if !sent.isEmpty { rounds += 1 }
            #expect(sent["c"] == nil)
        }
        #expect(rounds == StoreMachine.maximumRounds && bench.machines[0].watched == nil)
        // With the next write it gets both.
        bench.write("l", "v", at: 0)
        _ = bench.take(0)
        for message in try round(bench)["b"] ?? [] { try bench.receive(message, at: 1) }
        bench.pass(0.6, at: 1)
        if bench.takeExchange(1) != nil { try bench.exchange(1, 0) }
        #expect(bench.living(1) == ["k": "v", "l": "v"])
    }

    /// With continuous writes each write is resent, and none too early.
    @Test func laterWritesAreInTheNextRound() throws {
        let bench = try met(2)
        bench.write("k", "v", at: 0)
        bench.pass(0.5, at: 0)
        bench.write("l", "v", at: 0)
        _ = bench.take(0)
        bench.pass(0.11, at: 0)
        for message in try bench.takeSent(0, to: 1) { try bench.receive(message, at: 1) }
        #expect(bench.living(1) == ["k": "v", "l": "v"])
        try acknowledge(bench, from: 1)
        // The second write is reported too.
        #expect(try round(bench).isEmpty && bench.machines[0].watched == nil)
    }

    /// A round without resends of the first write is not the last one.
    @Test func writesBeforeARoundAreResentFromThenOn() throws {
        let bench = try met(2)
        bench.write("k", "v", at: 0)
        try bench.receive(.fresh(try #require(try bench.takeRuns(0).first)), at: 1)
        try acknowledge(bench, from: 1)
        bench.write("l", "v", at: 0)
        _ = bench.take(0)
        #expect(try round(bench).isEmpty)
        for message in try round(bench)["b"] ?? [] { try bench.receive(message, at: 1) }
        #expect(bench.living(1) == ["k": "v", "l": "v"])
    }

    /// Also if a write's origin is dead, probes of the other nodes spread it.
    @Test func aChangeStartsFrequentProbes() throws {
        let bench = try met(2)
        bench.write("k", "v", at: 0)
        let start = bench.time
        var probes: [Double] = []
        _ = bench.take(0)
        while bench.time < start + 60 {
            bench.pass(0.1, at: 0)
            for case .probe in try bench.takeSent(0, to: 1) { probes.append(bench.time - start) }
        }
        // After 1, 2, 4 and 8 seconds, each up to a second later; then every fifteen.
        let waits = zip(probes, [0] + probes).map { $0 - $1 }
        #expect(waits.count >= 6)
        #expect(zip(waits, [1.0, 2, 4, 8, 15, 15]).allSatisfy { $0 > $1 - 0.11 && $0 < $1 + 1.2 })
    }
}
