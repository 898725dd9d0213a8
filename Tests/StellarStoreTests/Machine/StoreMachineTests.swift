import StellarTestKit
import Testing

@testable import StellarStore

/// The handling of own writes and of gossip.
struct StoreMachineTests {
    // MARK: Own writes

    @Test func aWriteIsHeldOnceItIsOnTheDisk() throws {
        let bench = StoreBench(1)
        let change = StoreChange(StoreKey("b", "k"), [1])
        let transaction = bench.machines[0].begin([.write([change])], now: bench.now(0))
        let entry = try #require(try transaction.written.first?.get().first)
        #expect(transaction.upserts == [entry] && transaction.vector == ["a": entry.stamp])
        // The disk was full: the write failed, and its stamp is used up.
        #expect(bench.machines[0].value(change.key) == nil && bench.machines[0].ownStamp == .zero)
        let again = bench.machines[0].begin([.write([change])], now: bench.now(0))
        let second = try #require(try again.written.first?.get().first)
        #expect(second.stamp > entry.stamp)
        bench.machines[0].commit(again, now: bench.now(0))
        #expect(bench.machines[0].value(change.key) == second && bench.machines[0].ownStamp == second.stamp)
        #expect(bench.machines[0].takeEffects().first == .changed([second]))
    }

    @Test func waitingWritesShareOneTransaction() throws {
        let bench = StoreBench(1)
        func write(_ key: String, _ value: UInt8?) -> StoreInput {
            .write([StoreChange(StoreKey("b", key), value.map { [$0] })])
        }
        let inputs = [write("x", 1), write("y", 2), write("x", 3), write("y", nil), write("", 1)]
        let written = bench.store(inputs, at: 0)
        #expect(written.count == 5 && (try? written[4].get()) == nil)
        #expect(try written[0].get().first?.value == [1])
        #expect(bench.machines[0].entries("b").map(\.value) == [[3]])
        #expect(bench.machines[0].tombstoneCount == 1)
        // All writes are sent, in their order.
        let runs = try bench.takeRuns(0)
        let stamps = runs.flatMap { $0.entries.map(\.stamp) }
        #expect(stamps.count == 4 && stamps == stamps.sorted())
    }

    @Test func aWriteIsLaterThanThePreviousOneOfItsTransaction() throws {
        let bench = StoreBench(2)
        bench.clockErrors[1] = 3600
        let theirs = try #require(bench.write("k", "theirs", at: 1))
        let run = StoreRun(origin: "b", previous: .zero, upTo: theirs.stamp, entries: [theirs])
        let write = StoreInput.write([StoreChange(theirs.key, Array("ours".utf8))])
        for first in [StoreInput.fresh(run), .take([theirs]), .exchanged([theirs], missedByPeer: nil)] {
            let bench = StoreBench(1)
            let written = bench.store([first, write], at: 0)
            let ours = try #require(try written.first?.get().first)
            #expect(ours.supersedes(theirs))
            #expect(bench.living(0) == ["k": "ours"])
        }
    }

    @Test func aWriteIsAtomic() {
        let bench = StoreBench(1)
        let good = StoreChange(StoreKey("b", "k"), [1])
        let bad = StoreChange(StoreKey("b", "k"), [UInt8](repeating: 0, count: StoreLimits.value + 1))
        #expect(bench.store([.write([good, bad])], at: 0) == [.failure(.value(StoreLimits.value + 1))])
        #expect(bench.machines[0].count == 0 && bench.machines[0].ownStamp == .zero)
    }

    @Test func aClockBeyondTheLastStampWritesNothing() {
        let bench = StoreBench(1)
        bench.clockErrors[0] = 10e9
        #expect(bench.write("k", "v", at: 0) == nil)
        bench.clockErrors[0] = 0
        #expect(bench.write("k", "v", at: 0) != nil)
    }

    /// The write with the greatest stamp may have been purged from the disk, with its tombstone.
    @Test(arguments: [true, false])
    func aRestartGivesStampsAboveAllOnTheDisk(isInVector: Bool) {
        let bench = StoreBench(1)
        let ahead = StoreStamp(milliseconds: 1_770_000_000_000 + 3_600_000)
        var disk = SimulatedDisk()
        var transaction = StoreTransaction()
        if isInVector { transaction.vector = ["a": ahead] } else { transaction.purged = ["b": ahead] }
        disk.apply(transaction)
        bench.restart(0, on: disk)
        #expect(bench.write("k", "v", at: 0).map { $0.stamp > ahead } == true)
    }

    @Test func aRestartKeepsEverything() {
        let bench = StoreBench(1)
        bench.write("x", "1", at: 0)
        bench.write("y", "2", at: 0)
        let last = bench.write("x", nil, at: 0)
        bench.clockErrors[0] = -3600
        bench.restart(0)
        #expect(bench.living(0) == ["y": "2"] && bench.machines[0].tombstoneCount == 1)
        let next = bench.write("x", "3", at: 0)
        #expect(next.map { $0.stamp > last?.stamp ?? .latest } == true)
    }

    // MARK: Gossip

    @Test func aRunIsAppliedAndRelayedOnce() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        bench.write("k", "v", at: 0)
        let run = try #require(try bench.takeRuns(0).first)
        try bench.receive(.fresh(run), at: 1)
        #expect(bench.living(1) == ["k": "v"] && bench.vector(1, 0) == run.upTo)
        #expect(try bench.takeRuns(1) == [run])
        try bench.receive(.fresh(run), at: 1)
        #expect(try bench.takeRuns(1).isEmpty)
    }

    @Test func newerEntriesStay() throws {
        let bench = StoreBench(2)
        bench.write("k", "old", at: 0)
        let run = try #require(try bench.takeRuns(0).first)
        bench.time += 1
        bench.write("k", "new", at: 1)
        try bench.receive(.fresh(run), at: 1)
        #expect(bench.living(1) == ["k": "new"])
        // The vector covers it all the same: no node needs to send it.
        #expect(bench.vector(1, 0) == run.upTo)
    }

    @Test func theVectorStopsAtAGap() throws {
        let bench = StoreBench(2)
        for index in 0..<4 { bench.write("k\(index)", "v", at: 0) }
        let runs = try bench.takeRuns(0)
        try bench.receive(.fresh(runs[0]), at: 1)
        try bench.receive(.fresh(runs[3]), at: 1)
        #expect(bench.living(1).count == 2 && bench.vector(1, 0) == runs[0].upTo && bench.machines[1].isBehind)
        try bench.receive(.fresh(runs[2]), at: 1)
        #expect(bench.vector(1, 0) == runs[0].upTo)
        // An early run counts once the missing one arrives.
        try bench.receive(.fresh(runs[1]), at: 1)
        #expect(bench.vector(1, 0) == runs[3].upTo && !bench.machines[1].isBehind)
        #expect(bench.machines[1].late.isEmpty)
    }

    @Test func aGapIsExchangedUnlessGossipFillsIt() throws {
        let bench = StoreBench(2)
        try bench.meet()
        for index in 0..<3 { bench.write("k\(index)", "v", at: 0) }
        let runs = try bench.takeRuns(0)
        bench.time += 5
        try bench.receive(.fresh(runs[1]), at: 1)
        bench.pass(0.4, at: 1)
        #expect(bench.takeExchange(1) == nil)
        try bench.receive(.fresh(runs[0]), at: 1)
        bench.pass(0.2, at: 1)
        #expect(bench.takeExchange(1) == nil)
        try bench.receive(.fresh(runs[2]), at: 1)
        bench.write("late", "v", at: 0)
        bench.write("later", "v", at: 0)
        try bench.receive(.fresh(try bench.takeRuns(0)[1]), at: 1)
        bench.pass(0.6, at: 1)
        #expect(bench.takeExchange(1)?.with == "a")
    }

    @Test func manyWritesGoInMessagesThatFitADatagram() throws {
        let bench = StoreBench(2)
        let changes = (0..<50).map { StoreChange(StoreKey("b", "key \($0)"), [UInt8](repeating: 1, count: 100)) }
        bench.store([.write(changes)], at: 0)
        let effects = bench.take(0)
        var messages: [[UInt8]] = []
        for effect in effects { if case .broadcast(let bytes, about: _) = effect { messages.append(bytes) } }
        #expect(messages.count > 4)
        #expect(messages.allSatisfy { $0.count <= bench.configuration.gossipBytes })
        for message in messages { try bench.receive(message, at: 1) }
        #expect(bench.living(1).count == 50 && bench.vector(1, 0) == bench.machines[0].ownStamp)
    }

    @Test func aWriteThatFitsNoDatagramIsAnnounced() throws {
        let bench = StoreBench(2)
        try bench.meet()
        let large = String(repeating: "x", count: 5000)
        bench.write("large", large, at: 0)
        bench.write("small", "v", at: 0)
        let messages = try bench.takeBroadcasts(0)
        #expect(messages.count == 2)
        for message in messages { try bench.receive(message, at: 1) }
        #expect(bench.living(1) == ["small": "v"] && bench.vector(1, 0) == .zero)
        _ = bench.take(1)
        bench.pass(2, at: 1)
        #expect(bench.takeExchange(1)?.with == "a")
        try bench.exchange(1, 0)
        #expect(bench.living(1) == ["small": "v", "large": large])
        // A node that has received it announces it too.
        guard case .notice(let holder, let vector)? = try bench.takeBroadcasts(1).last else {
            Issue.record("no notice")
            return
        }
        #expect(holder == "b" && vector["a"] == bench.machines[0].ownStamp)
    }

    @Test func entriesOfAnotherNodeAreHeldAndClaimNothing() throws {
        let bench = StoreBench(2)
        let entry = try #require(bench.write("k", "v", at: 0))
        bench.store([.take([entry])], at: 1)
        #expect(bench.living(1) == ["k": "v"] && bench.vector(1, 0) == .zero)
        bench.store([.take([entry])], at: 1)
        #expect(bench.machines[1].counters.stale == 1)
    }

    @Test func theFarFutureIsQuarantinedAndBlocksNothing() throws {
        let bench = StoreBench(2)
        let far = StoreEntry(StoreKey("b", "far"), [1], stamp: .latest, origin: "z")
        let near = StoreEntry(StoreKey("b", "near"), [1], stamp: StoreStamp(rawValue: 5), origin: "z")
        try bench.receive(.learnt([far, near]), at: 1)
        let run = StoreRun(origin: "z", previous: StoreStamp(rawValue: 5), upTo: .latest, entries: [far])
        try bench.receive(.fresh(run), at: 1)
        #expect(bench.machines[1].entries("b") == [near])
        #expect(bench.machines[1].quarantined == [StoreQuarantined(far, .farFuture)])
        #expect(bench.machines[1].vector["z"] == .zero)
        #expect(bench.disks[1].quarantined == bench.machines[1].quarantined)
        // The node's clock is not affected.
        #expect(bench.write("k", "v", at: 1).map { $0.stamp < .latest } == true)
    }

    @Test func theQuarantineHasALimit() {
        let bench = StoreBench(1)
        let many = (0..<StoreLimits.quarantined + 10).map { index in
            StoreEntry(StoreKey("b", "\(index)"), [], stamp: .latest, origin: "z")
        }
        bench.store([.take(Array(many.prefix(700)))], at: 0)
        bench.store([.take(Array(many.dropFirst(700)))], at: 0)
        #expect(bench.machines[0].quarantined.map(\.entry) == Array(many.dropFirst(10)))
        #expect(bench.disks[0].quarantined == bench.machines[0].quarantined)
    }

    @Test func undecodableMessagesChangeNothing() {
        let bench = StoreBench(1)
        #expect(throws: StoreWireError.self) { try bench.receive([1, 2, 3], at: 0) }
        #expect(bench.machines[0].counters.undecodable == 1 && bench.take(0).isEmpty)
    }

    // MARK: Reports of other nodes

    @Test func nodesReportReceivedWritesToTheOrigin() throws {
        let bench = StoreBench(2)
        try bench.meet()
        bench.write("k", "v", at: 0)
        try bench.receive(.fresh(try bench.takeRuns(0)[0]), at: 1)
        bench.pass(0.01, at: 1)
        let sent = try bench.takeSent(1, to: 0)
        guard case .seen(let seen)? = sent.first(where: { if case .seen = $0 { true } else { false } }) else {
            Issue.record("it sent \(sent)")
            return
        }
        #expect(seen.upTo == bench.machines[0].ownStamp)
        #expect(bench.machines[0].watermarks["b"] ?? .zero == .zero)
        try bench.receive(.seen(seen), at: 0)
        #expect(bench.machines[0].watermarks["b"] == seen.upTo)
        #expect(bench.take(0).contains(.seen(by: "b", upTo: seen.upTo)))
        // Soon after, it waits, so that many writes make one message.
        for index in 0..<3 {
            bench.write("k\(index)", "v", at: 0)
            try bench.receive(.fresh(try bench.takeRuns(0)[0]), at: 1)
        }
        bench.pass(0.1, at: 1)
        #expect(try bench.takeSent(1, to: 0).isEmpty)
        bench.pass(0.3, at: 1)
        #expect(try bench.takeSent(1, to: 0).count == 1)
    }

    @Test func theLaterOfTwoReportsCounts() throws {
        let bench = StoreBench(1)
        for index in 0..<3 { bench.write("\(index)", "v", at: 0) }
        let stamps = bench.machines[0].everything.map(\.stamp)
        func seen(_ life: UInt64, _ number: UInt64, _ stamp: StoreStamp) throws {
            try bench.receive(.seen(StoreSeen(node: "b", life: life, number: number, upTo: stamp, own: .zero)), at: 0)
        }
        try seen(1, 2, stamps[1])
        try seen(1, 1, stamps[0])
        #expect(bench.machines[0].watermarks["b"] == stamps[1])
        // It came back with an old disk.
        try seen(2, 1, stamps[0])
        #expect(bench.machines[0].watermarks["b"] == stamps[0])
    }

    @Test func aNodeThatLostItsWritesReusesNoStamps() throws {
        let bench = StoreBench(1)
        bench.join(0, 1)
        let ahead = StoreStamp(milliseconds: 1_770_000_000_000 + 3_600_000)
        try bench.receive(.seen(StoreSeen(node: "b", life: 1, number: 1, upTo: ahead, own: .zero)), at: 0)
        #expect(bench.write("k", "v", at: 0).map { $0.stamp > ahead } == true)
        #expect(bench.machines[0].watermarks["b"] ?? .zero == .zero)
    }

    // MARK: Probes

    @Test func equalNodesDoNotExchange() throws {
        let bench = StoreBench(2)
        try bench.meet()
        bench.write("k", "v", at: 0)
        try bench.receive(.fresh(try bench.takeRuns(0)[0]), at: 1)
        bench.pass(5, at: 0)
        _ = bench.take(1)
        let probes = try bench.takeSent(0, to: 1)
        #expect(probes.contains { if case .probe = $0 { true } else { false } })
        for probe in probes { try bench.receive(probe, at: 1) }
        bench.pass(5, at: 1)
        #expect(bench.takeExchange(1) == nil)
        #expect(bench.machines[0].isSynced && bench.machines[1].isSynced)
    }

    @Test func aDifferenceIsExchanged() throws {
        let bench = StoreBench(2)
        try bench.meet()
        bench.write("k", "v", at: 0)
        bench.pass(5, at: 0)
        _ = bench.take(1)
        for case .probe(let probe) in try bench.takeSent(0, to: 1) { try bench.receive(.probe(probe), at: 1) }
        bench.pass(1, at: 1)
        #expect(bench.takeExchange(1)?.with == "a")
    }

    /// No writes are missing, but the stores differ.
    @Test func aMissingTombstoneIsADifference() throws {
        let bench = StoreBench(2)
        try bench.meet()
        bench.write("k", nil, at: 0)
        try bench.receive(.fresh(try bench.takeRuns(0)[0]), at: 1)
        var disk = SimulatedDisk()
        var transaction = StoreTransaction()
        transaction.vector = ["a": bench.machines[0].ownStamp]
        disk.apply(transaction)
        bench.restart(1, on: disk)
        bench.join(1, 0)
        bench.pass(5, at: 0)
        for case .probe(let probe) in try bench.takeSent(0, to: 1) { try bench.receive(.probe(probe), at: 1) }
        bench.pass(1, at: 1)
        #expect(bench.takeExchange(1)?.with == "a")
        try bench.exchange(1, 0)
        bench.pass(1.1, at: 1)
        #expect(bench.takeExchange(1)?.isFull == true)
        try bench.exchange(1, 0, isFull: true)
        #expect(bench.machines[1].tombstoneCount == 1)
    }

    @Test func idleNodesSendLittle() throws {
        let bench = StoreBench(2)
        try bench.meet()
        bench.pass(3, at: 0)
        _ = bench.take(0)
        var (messages, bytes) = (0, 0)
        for _ in 0..<6000 {
            bench.pass(0.1, at: 0)
            for case .send(let message, to: _) in bench.take(0) {
                messages += 1
                bytes += message.count
            }
        }
        // Ten minutes, one probe each 15 seconds.
        #expect(messages <= 41 && messages > 20 && bytes < 41 * 60)
    }

    // MARK: The next exchange

    @Test func exchangesAreSequentialAndLimitedInRate() throws {
        let bench = StoreBench(3)
        bench.join(0, 1, 2)
        bench.pass(0, at: 0)
        #expect(bench.takeExchange(0) != nil)
        let notice = StoreMessage.notice(holder: "c", VersionVector(["z": StoreStamp(rawValue: 9)]))
        try bench.receive(notice, at: 0)
        bench.pass(30, at: 0)
        #expect(bench.takeExchange(0) == nil)
        try bench.exchange(0, 1)
        bench.pass(0.6, at: 0)
        #expect(bench.takeExchange(0) != nil)
    }

    @Test func failedExchangesBackOffAndTryOtherNodes() throws {
        let bench = StoreBench(3)
        bench.join(0, 1, 2)
        var peers: Set<String> = []
        var begun: [Double] = []
        for _ in 0..<2400 {
            bench.pass(0.1, at: 0)
            guard let wanted = bench.takeExchange(0) else { continue }
            begun.append(bench.time)
            peers.insert(wanted.with)
            let exchange = bench.machines[0].exchange(with: wanted.with, isFull: wanted.isFull)
            bench.machines[0].exchangeEnded(exchange, failed: true, now: bench.now(0), using: &bench.random)
        }
        let waits = zip(begun.dropFirst(), begun).map { $0 - $1 }
        #expect(peers == ["b", "c"] && !bench.machines[0].isSynced)
        #expect(waits.allSatisfy { $0 > 0.9 && $0 < 31 } && (waits.last ?? 0) > 29 && (waits.first ?? 9) < 3)
    }

    /// A write that no node has any more is not requested for ever.
    @Test func unavailableWritesAreGivenUp() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        let lost = StoreMessage.notice(holder: "b", VersionVector(["z": StoreStamp(rawValue: 9)]))
        try bench.receive(lost, at: 0)
        var exchanges = 0
        for _ in 0..<600 {
            bench.pass(0.1, at: 0)
            if bench.takeExchange(0) != nil {
                exchanges += 1
                try bench.exchange(0, 1)
            }
        }
        #expect(exchanges > 1 && exchanges < 12 && !bench.machines[0].isBehind)
    }
}
