import StellarTestKit
import Testing

@testable import StellarStore

/// Accept and drop of quarantined writes.
struct StoreQuarantineTests {
    private func far(_ key: String, _ value: [UInt8]?, _ counter: UInt16 = 0) -> StoreEntry {
        let stamp = StoreStamp(milliseconds: StoreStamp.latest.milliseconds, counter: counter)
        return StoreEntry(StoreKey("b", key), value, stamp: stamp, origin: "z")
    }

    @Test func acceptMakesANewWrite() throws {
        let bench = StoreBench(2)
        bench.joinAll()
        let held = try #require(bench.write("k", "held", at: 0))
        let quarantined = far("k", [1])
        bench.store([.take([quarantined])], at: 0)
        bench.time += 1
        let written = try #require(try bench.store([.accept([quarantined])], at: 0).first?.get().first)
        #expect(written.value == [1] && written.origin == "a" && written.supersedes(held) && written.stamp < .latest)
        #expect(bench.machines[0].value(quarantined.key) == written && bench.machines[0].quarantined.isEmpty)
        #expect(bench.disks[0].quarantined.isEmpty && bench.disks[0][quarantined.key] == written)
        // It spreads like any write.
        for run in try bench.takeRuns(0) { try bench.receive(.fresh(run), at: 1) }
        #expect(bench.machines[1].value(quarantined.key) == written)
    }

    @Test func theLaterOfTwoEntriesOfAKeyWins() throws {
        let bench = StoreBench(1)
        let (early, late) = (far("k", [1], 1), far("k", nil, 2))
        bench.store([.take([late, early])], at: 0)
        bench.write("k", "held", at: 0)
        bench.store([.accept([early, late])], at: 0)
        #expect(bench.living(0).isEmpty && bench.machines[0].quarantined.isEmpty)
    }

    @Test func onlyQuarantinedEntriesAreAccepted() throws {
        let bench = StoreBench(1)
        let written = try #require(bench.store([.accept([far("k", [1])]), .drop([far("k", [1])])], at: 0).first)
        #expect(written == .success([]) && bench.machines[0].everything.isEmpty)
        #expect(bench.machines[0].ownStamp == .zero)
    }

    @Test func dropForgetsTheEntry() {
        let bench = StoreBench(1)
        let (one, other) = (far("one", [1]), far("other", [2]))
        bench.store([.take([one, other])], at: 0)
        bench.store([.drop([one])], at: 0)
        #expect(bench.machines[0].quarantined.map(\.entry) == [other] && bench.living(0).isEmpty)
        #expect(bench.disks[0].quarantined == bench.machines[0].quarantined)
    }

    /// A later write of the key decides, too.
    @Test func aLaterWriteOfTheKeyDecides() {
        let bench = StoreBench(1)
        let early = StoreEntry(StoreKey("b", "k"), [1], stamp: StoreStamp(rawValue: 5), origin: "c")
        for value in ["v", nil] {
            bench.store([.exchanged([early], missedByPeer: StoreStamp(rawValue: 9))], at: 0)
            #expect(bench.machines[0].quarantined.isEmpty == (value == nil))
            bench.write("k", value, at: 0)
            #expect(bench.machines[0].quarantined.isEmpty && bench.disks[0].quarantined.isEmpty)
        }
        // It does not decide about a write with a later stamp.
        bench.store([.take([far("k", [1])])], at: 0)
        bench.write("k", "v", at: 0)
        #expect(bench.machines[0].quarantined.count == 1)
    }
}
