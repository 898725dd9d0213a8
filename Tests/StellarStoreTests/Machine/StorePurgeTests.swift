import StellarTestKit
import Testing

@testable import StellarStore

/// The purge of tombstones, and the handling of nodes that did not see them.
struct StorePurgeTests {
    private static let day = 24 * 3600.0

    /// Two nodes that have a delete, and know it of each other.
    private func deleted(_ count: Int = 2) throws -> StoreBench {
        let bench = StoreBench(count)
        bench.joinAll()
        bench.write("k", "v", at: 0)
        bench.write("other", "v", at: 0)
        for index in 1..<count { try bench.exchange(index, 0) }
        bench.time += 1
        bench.write("k", nil, at: 0)
        for index in 1..<count { try bench.exchange(index, 0) }
        return bench
    }

    @Test func anOldTombstoneThatAllHaveSeenIsPurged() throws {
        let bench = try deleted()
        bench.pass(Self.day - 100, at: 0)
        #expect(bench.machines[0].tombstoneCount == 1)
        bench.pass(700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0 && bench.machines[0].purged["a"] == bench.machines[0].ownStamp)
        #expect(bench.disks[0].image.entries.count == 1 && bench.disks[0].purged == bench.machines[0].purged)
        // The other node purges later; until then the two count as equal.
        #expect(bench.machines[1].tombstoneCount == 1)
        try bench.exchange(0, 1)
        #expect(bench.machines[0].counters.differences == 0)
        #expect(bench.living(0) == ["other": "v"] && bench.living(1) == bench.living(0))
    }

    @Test func thePurgeWaitsForMembersWithoutTheTombstone() throws {
        let bench = StoreBench(3)
        bench.joinAll()
        bench.write("k", "v", at: 0)
        for index in 1..<3 { try bench.exchange(index, 0) }
        bench.write("k", nil, at: 0)
        try bench.exchange(1, 0)
        bench.machines[0].lost("c", now: bench.now(0))
        bench.drain(0)
        bench.pass(29 * Self.day, at: 0)
        #expect(bench.machines[0].tombstoneCount == 1)
        // A restart of this node does not forget it either.
        bench.restart(0)
        bench.join(0, 1)
        try bench.exchange(1, 0)
        bench.pass(700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 1)
        try bench.exchange(0, 2)
        bench.pass(700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
    }

    /// No third node can report the other one to it.
    @Test func aRestartedNodeWaitsForItsFormerMembers() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        bench.write("k", "v", at: 0)
        try bench.exchange(1, 0)
        bench.write("k", nil, at: 0)
        bench.restart(0)
        bench.pass(2 * Self.day, at: 0)
        #expect(bench.machines[0].tombstoneCount == 1)
        try bench.exchange(0, 1)
        bench.pass(700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
    }

    @Test func thePurgeDoesNotWaitForMembersLostTooLong() throws {
        let bench = StoreBench(3)
        bench.joinAll()
        bench.write("k", nil, at: 0)
        try bench.exchange(1, 0)
        bench.machines[0].lost("c", now: bench.now(0))
        bench.drain(0)
        bench.pass(30 * Self.day + 1, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
    }

    @Test func thePurgeDoesNotWaitForForgottenMembers() throws {
        let bench = StoreBench(3)
        bench.joinAll()
        bench.write("k", nil, at: 0)
        try bench.exchange(1, 0)
        bench.machines[0].lost("c", now: bench.now(0))
        bench.machines[0].forget("c")
        bench.drain(0)
        #expect(bench.disks[0].image.members.map(\.name) == ["b"])
        bench.pass(Self.day + 700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
    }

    /// A node that lost its disk learns of lost members from others.
    @Test func exchangesSpreadLostMembers() throws {
        let bench = StoreBench(3)
        bench.join(0, 1, 2)
        bench.machines[0].lost("c", now: bench.now(0))
        bench.drain(0)
        bench.time += 100
        try bench.exchange(1, 0)
        #expect(bench.disks[1].image.members.map(\.name) == ["c"])
        let absent = try #require(bench.disks[1].image.members[0].lostSince)
        #expect(absent <= bench.now(1).unixMilliseconds - 100_000)
    }

    /// A member reports that it has a delete; its earlier writes have not arrived, and may be of the same key.
    @Test func thePurgeWaitsForEarlierWritesOfAMember() throws {
        let bench = try deleted()
        let early = try #require(bench.write("k2", "v", at: 1))
        let seen = StoreSeen(node: "b", life: 1, number: 1, upTo: bench.machines[0].ownStamp, own: early.stamp)
        try bench.receive(.seen(seen), at: 0)
        bench.pass(Self.day + 700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 1)
        try bench.exchange(0, 1)
        bench.pass(700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
    }

    // MARK: Old disks

    private func purged() throws -> (bench: StoreBench, old: SimulatedDisk) {
        let bench = StoreBench(2)
        bench.joinAll()
        bench.write("k", "v", at: 0)
        bench.write("stays", "v", at: 1)
        try bench.exchange(1, 0)
        let old = bench.disks[1]
        bench.time += 1
        bench.write("k", nil, at: 0)
        try bench.exchange(1, 0)
        bench.pass(Self.day + 700, at: 0)
        #expect(bench.machines[0].tombstoneCount == 0)
        return (bench, old)
    }

    @Test func anOldDiskDoesNotResurrect() throws {
        for caller in 0..<2 {
            let (bench, old) = try purged()
            bench.restart(1, on: old)
            #expect(bench.living(1) == ["k": "v", "stays": "v"])
            bench.join(1, 0)
            _ = bench.take(1)
            try bench.exchange(caller, 1 - caller)
            for index in 0..<2 { #expect(bench.living(index) == ["stays": "v"]) }
            #expect(bench.disks[1].image == bench.disks[1].image && bench.disks[1].keys.map(\.key) == ["stays"])
            #expect(bench.machines[1].purged == bench.machines[0].purged)
            #expect(bench.machines[0].quarantined.isEmpty && bench.machines[1].quarantined.isEmpty)
            #expect(bench.machines[0].counters.differences == 0)
            // Readers of changes get it as a tombstone.
            let isReported = bench.take(1).contains { effect in
                if case .changed(let entries) = effect {
                    entries.contains { $0.key.key == "k" && $0.isTombstone }
                } else {
                    false
                }
            }
            #expect(isReported)
        }
    }

    @Test func anOldDiskDoesNotResurrectByGossip() throws {
        let (bench, old) = try purged()
        let entry = try #require(old[StoreKey("b", "k")])
        try bench.receive(.learnt([entry]), at: 0)
        bench.store([.take([entry])], at: 0)
        #expect(bench.living(0) == ["stays": "v"])
    }

    /// A write of a node that was dead for too long may have been deleted since, or not.
    @Test func entriesThatMayBeDeletedAreQuarantinedOnBothNodes() throws {
        for caller in 0..<2 {
            let (bench, old) = try purged()
            bench.restart(1, on: old)
            // As if it had made the write at that time, alone.
            bench.clockErrors[1] = -bench.time
            let doubtful = try #require(bench.write("doubtful", "v", at: 1))
            bench.clockErrors[1] = 0
            let sound = try #require(bench.write("sound", "v", at: 1))
            #expect(
                doubtful.stamp < bench.machines[0].purged.greatest && sound.stamp > bench.machines[0].purged.greatest
            )
            bench.join(1, 0)
            try bench.exchange(caller, 1 - caller)
            for index in 0..<2 {
                #expect(bench.living(index) == ["stays": "v", "sound": "v"])
                #expect(bench.machines[index].quarantined == [StoreQuarantined(doubtful, .perhapsDeleted)])
            }
            #expect(bench.machines[0].counters.differences == 0 && bench.machines[1].counters.differences == 0)
        }
    }

    /// Gossip does not show the sender's state, so an exchange follows.
    @Test func doubtfulGossipStartsAnExchange() throws {
        let (bench, _) = try purged()
        let early = StoreEntry(StoreKey("b", "early"), [1], stamp: StoreStamp(rawValue: 5), origin: "c")
        let run = StoreRun(origin: "c", previous: .zero, upTo: early.stamp, entries: [early])
        try bench.receive(.fresh(run), at: 0)
        #expect(bench.living(0) == ["stays": "v"] && bench.machines[0].vector["c"] == .zero)
        #expect(bench.machines[0].isBehind && bench.machines[0].quarantined.isEmpty)
    }

    /// The entries of a node that has seen all purged deletes are valid.
    @Test func entriesOfANodeThatSawTheDeletesAreAccepted() throws {
        let (bench, _) = try purged()
        let early = StoreEntry(StoreKey("b", "early"), [1], stamp: StoreStamp(rawValue: 5), origin: "c")
        bench.store([.exchanged([early], missedByPeer: nil)], at: 0)
        #expect(bench.machines[0].value(early.key) == early)
        // An entry that was quarantined before is released.
        let other = StoreEntry(StoreKey("b", "other"), [1], stamp: StoreStamp(rawValue: 6), origin: "c")
        bench.store([.exchanged([other], missedByPeer: bench.machines[0].purged.greatest)], at: 0)
        #expect(bench.machines[0].quarantined.map(\.entry) == [other] && bench.machines[0].value(other.key) == nil)
        bench.store([.exchanged([other], missedByPeer: nil)], at: 0)
        #expect(bench.machines[0].quarantined.isEmpty && bench.disks[0].quarantined.isEmpty)
        #expect(bench.machines[0].value(other.key) == other)
    }

    @Test func aKeyWrittenSinceIsNotPurged() throws {
        let bench = try deleted()
        bench.pass(Self.day - 100, at: 0)
        let tombstone = try #require(bench.machines[0].entry(StoreKey("b", "k")))
        bench.time += 800
        bench.store([.write([StoreChange(StoreKey("b", "k"), [1])]), .purge([tombstone])], at: 0)
        #expect(bench.living(0).count == 2 && bench.machines[0].purged.isEmpty)
    }
}
