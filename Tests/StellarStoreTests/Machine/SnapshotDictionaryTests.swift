import StellarTestKit
import Testing

@testable import StellarStore

/// ``SnapshotDictionary`` and ``StoreWrites``, compared with simple models.
@Suite struct SnapshotDictionaryTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func itIsADictionaryWithStableCopies(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var dictionary = SnapshotDictionary<Int, Int>()
        var model: [Int: Int] = [:]
        var snapshots: [(SnapshotDictionary<Int, Int>, [Int: Int])] = []
        for step in 0..<40_000 {
            // Keys are few while it grows, shrinks to nothing, and grows again.
            let key = Int.random(in: 0..<6_000, using: &random)
            let removes = Int.random(in: 0..<100, using: &random) < (step / 10_000 % 2 == 0 ? 20 : 90)
            if removes {
                #expect(dictionary.removeValue(forKey: key) == model.removeValue(forKey: key))
            } else {
                #expect(dictionary.updateValue(step, forKey: key) == model.updateValue(step, forKey: key))
            }
            if dictionary.count != model.count { Issue.record("\(dictionary.count) of \(model.count) at \(step)") }
            if step % 997 == 0 { snapshots.append((dictionary, model)) }
        }
        for (dictionary, model) in snapshots {
            #expect(dictionary.values.sorted() == model.values.sorted())
            #expect(dictionary.isEmpty == model.isEmpty && dictionary.count == model.count)
            #expect((0..<6_000).allSatisfy { dictionary[$0] == model[$0] })
        }
    }

    @Test func allRemovedKeysAreMissing() {
        var dictionary = SnapshotDictionary<Int, Int>()
        for key in 0..<5_000 { dictionary.updateValue(key, forKey: key) }
        let full = dictionary
        for key in 0..<5_000 { #expect(dictionary.removeValue(forKey: key) == key) }
        #expect(dictionary.isEmpty && dictionary.values.isEmpty && dictionary[17] == nil)
        #expect(full.count == 5_000 && full.values.sorted() == Array(0..<5_000))
    }

    @Test(arguments: [4, 5] as [UInt64])
    func writesAreSortedByStampInAnyOrderOfArrival(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var writes = StoreWrites()
        // By key, the stamp of the newest write.
        var model: [String: StoreStamp] = [:]
        for step in 1...4_000 {
            // Nearly all writes have the greatest stamp, as in practice.
            let isLate = Int.random(in: 0..<10, using: &random) == 0
            let number = isLate ? Int.random(in: 1...step, using: &random) : step
            let key = "\(Int.random(in: 0..<900, using: &random))"
            let stamp = StoreStamp(milliseconds: UInt64(1_000 + number), counter: 0)
            if let held = model[key] {
                guard stamp > held else { continue }
                model[key] = nil
                writes.forget { model[$0.key.key] == $0.stamp }
            }
            model[key] = stamp
            writes.add(StoreEntry(StoreKey("b", key), [], stamp: stamp, origin: "n"))
            guard step % 250 == 0 else { continue }
            let middle = StoreStamp(milliseconds: UInt64(1_000 + step / 2), counter: 0)
            let (after, upTo) = (writes.after(middle), writes.upTo(middle))
            #expect(after.allSatisfy { $0.stamp > middle } && upTo.allSatisfy { $0.stamp <= middle })
            let all = upTo + after
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.stamp <= $1.stamp })
            let current = all.filter { model[$0.key.key] == $0.stamp }
            #expect(Set(current.map(\.key.key)) == Set(model.keys))
            // The number of superseded writes stays small.
            #expect(all.count <= 2 * model.count + 64)
        }
    }

    @Test func aRestoredWriteIsContainedOnce() {
        var writes = StoreWrites()
        let stamp = StoreStamp(milliseconds: 7, counter: 0)
        let entries = (0..<300).map { StoreEntry(StoreKey("b", "\($0)"), [], stamp: stamp, origin: "n") }
        for entry in entries { writes.add(entry) }
        writes.forget { _ in true }
        writes.add(entries[3])
        #expect(writes.upTo(stamp).map(\.key.key) == entries.map(\.key.key) && writes.after(stamp).isEmpty)
    }
}
