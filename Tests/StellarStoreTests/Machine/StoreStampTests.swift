import StellarSystem
import Testing

@testable import StellarStore

struct StoreStampTests {
    /// The clock's functions mutate it; a macro's argument must not be mutated.
    private static func next(_ clock: inout StoreClock, _ milliseconds: UInt64) -> StoreStamp? {
        clock.next(now: time(milliseconds))
    }

    private static func time(_ milliseconds: UInt64) -> StoreTime {
        StoreTime(monotonic: MonotonicTime(nanoseconds: 0), unixMilliseconds: milliseconds)
    }

    @Test func aStampIsMillisecondsAndACounter() {
        let stamp = StoreStamp(milliseconds: 1_770_000_000_000, counter: 7)
        #expect(stamp.milliseconds == 1_770_000_000_000 && stamp.counter == 7)
        #expect(stamp < StoreStamp(milliseconds: 1_770_000_000_000, counter: 8))
        #expect(stamp < StoreStamp(milliseconds: 1_770_000_000_001))
        #expect(StoreStamp.latest.rawValue < UInt64(Int64.max))
    }

    @Test func noStampIsUsedTwice() {
        var clock = StoreClock()
        let stamps = (0..<1000).compactMap { _ in clock.next(now: Self.time(5000)) }
        #expect(stamps == stamps.sorted() && Set(stamps).count == 1000)
        #expect(stamps.first == StoreStamp(milliseconds: 5000))
    }

    @Test func stampsIncreaseAfterAClockIsSetBack() {
        var clock = StoreClock()
        let (before, after) = (Self.next(&clock, 5000), Self.next(&clock, 1000))
        #expect(before == StoreStamp(milliseconds: 5000) && after == StoreStamp(milliseconds: 5000, counter: 1))
    }

    @Test func aFullCounterCarriesOver() {
        var clock = StoreClock()
        clock.observe(StoreStamp(milliseconds: 5000, counter: .max))
        let stamp = Self.next(&clock, 5000)
        #expect(stamp == StoreStamp(milliseconds: 5001))
    }

    @Test func newStampsAreLaterThanSeenOnes() {
        var clock = StoreClock()
        clock.observe(StoreStamp(milliseconds: 9000, counter: 3))
        let stamp = Self.next(&clock, 5000)
        #expect(stamp == StoreStamp(milliseconds: 9000, counter: 4))
    }

    @Test func aStampInTheFarFutureIsIgnored() {
        var clock = StoreClock()
        clock.observe(.latest)
        clock.observe(StoreStamp(rawValue: .max))
        let stamp = Self.next(&clock, 5000)
        #expect(stamp == StoreStamp(milliseconds: 5000))
    }

    @Test func aClockBeyondAllStampsGivesNone() {
        var clock = StoreClock()
        let (none, first) = (Self.next(&clock, .max), Self.next(&clock, 5000))
        #expect(none == nil && first == StoreStamp(milliseconds: 5000))
    }
}

struct StoreEntryTests {
    private func entry(_ value: String?, _ stamp: UInt64, _ origin: String) -> StoreEntry {
        let value = value.map { Array($0.utf8) }
        return StoreEntry(StoreKey("b", "k"), value, stamp: StoreStamp(rawValue: stamp), origin: origin)
    }

    @Test func theLaterWinsThenTheGreaterNodeThenTheContent() {
        let inOrder = [
            entry("z", 1, "z"), entry("z", 2, "a"), entry("a", 2, "b"), entry("b", 2, "b"), entry(nil, 2, "b"),
            entry("", 3, "a"),
        ]
        for (index, one) in inOrder.enumerated() {
            for (other, two) in inOrder.enumerated() { #expect(one.supersedes(two) == (index > other)) }
        }
    }

    @Test func keysAreBytes() {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed)
        #expect(StoreKey("b", composed) != StoreKey("b", decomposed))
        #expect(StoreKey("b", "Z") < StoreKey("b", "a") && StoreKey("a", "z") < StoreKey("b", "a"))
        var contents = StoreContents()
        for key in [composed, decomposed] {
            contents.put(StoreEntry(StoreKey("b", key), [], stamp: StoreStamp(rawValue: 1), origin: "a"))
        }
        #expect(contents.count == 2 && contents.entries("b", prefix: "cafe").count == 1)
    }

    @Test func tooLongKeysAndValuesAreRefused() throws {
        func check(_ bucket: String, _ key: String, _ count: Int) throws {
            try StoreChange(StoreKey(bucket, key), [UInt8](repeating: 0, count: count)).check()
        }
        try check(String(repeating: "b", count: 255), String(repeating: "k", count: 1024), 1 << 20)
        #expect(throws: StoreError.value(1 << 20 + 1)) { try check("b", "k", 1 << 20 + 1) }
        #expect(throws: StoreError.self) { try check("", "k", 1) }
        #expect(throws: StoreError.self) { try check("b", "", 1) }
        #expect(throws: StoreError.self) { try check(String(repeating: "b", count: 256), "k", 1) }
        #expect(throws: StoreError.self) { try check("b", String(repeating: "k", count: 1025), 1) }
    }
}

struct StoreContentsTests {
    private func entry(_ key: Int, _ value: UInt8?, _ stamp: UInt64, _ origin: String = "a") -> StoreEntry {
        let stamp = StoreStamp(rawValue: stamp)
        return StoreEntry(StoreKey("b", "\(key)"), value.map { [$0] }, stamp: stamp, origin: origin)
    }

    @Test func theDigestDoesNotDependOnTheOrder() {
        let entries = (0..<50).map { entry($0, UInt8($0), UInt64($0 + 1), $0 % 2 == 0 ? "a" : "b") }
        var (one, other) = (StoreContents(), StoreContents())
        for entry in entries { one.put(entry) }
        for entry in entries.reversed() { other.put(entry) }
        #expect(one.digest == other.digest && one.digest != 0)
        other.put(entry(7, 99, 1000))
        #expect(one.digest != other.digest)
        other.put(entries[7])
        #expect(one.digest == other.digest)
        for entry in entries { one.remove(entry.key) }
        #expect(one.digest == 0 && one.count == 0 && one.bucketNames.isEmpty)
    }

    @Test func tombstonesHaveASeparateDigest() {
        var contents = StoreContents()
        contents.put(entry(1, nil, 5))
        contents.put(entry(2, nil, 9))
        #expect(contents.digest == 0 && contents.tombstoneCount == 2)
        let both = contents.tombstoneDigest(after: .zero)
        let later = contents.tombstoneDigest(after: StoreStamp(rawValue: 5))
        #expect(both != later && later == entry(2, nil, 9).digest)
        #expect(contents.tombstoneDigest(after: StoreStamp(rawValue: 9)) == 0)
        // Deleted again, written again, and purged.
        contents.put(entry(1, nil, 10, "b"))
        #expect(contents.tombstoneDigest(after: .zero) == later &+ entry(1, nil, 10, "b").digest)
        #expect(contents.tombstoneDigest(after: StoreStamp(rawValue: 9)) == entry(1, nil, 10, "b").digest)
        contents.put(entry(1, 7, 11))
        contents.remove(entry(2, nil, 9).key)
        #expect(contents.tombstoneDigest(after: .zero) == 0 && contents.tombstoneCount == 0 && contents.count == 1)
    }

    @Test func aRestoredEntryCountsOnce() {
        var contents = StoreContents()
        contents.put(entry(3, nil, 5))
        let (living, tombstone) = (entry(1, 7, 5), entry(2, nil, 5))
        for entry in [living, tombstone] { contents.put(entry) }
        let digest = contents.tombstoneDigest(after: .zero)
        for entry in [living, tombstone] { contents.remove(entry.key) }
        for entry in [living, tombstone] { contents.put(entry) }
        #expect(contents.entries(beyond: VersionVector()).count == 3 && contents.count == 3)
        #expect(contents.tombstoneDigest(after: .zero) == digest)
        #expect(contents.tombstoneDigest(after: StoreStamp(rawValue: 5)) == 0)
    }

    /// Keys that are rewritten often, so that most of the index of writes is stale.
    @Test func uncoveredWritesAreFound() {
        var contents = StoreContents()
        var latest: [Int: UInt64] = [:]
        for stamp in 1...2000 as ClosedRange<UInt64> {
            let key = Int(stamp * 7 % 13)
            contents.put(entry(key, UInt8(stamp % 251), stamp, stamp % 3 == 0 ? "a" : "b"))
            latest[key] = stamp
        }
        for floor in [0, 1500, 1990, 1995, 2000] as [UInt64] {
            let vector = VersionVector(["a": StoreStamp(rawValue: floor), "b": StoreStamp(rawValue: floor)])
            let found = contents.entries(beyond: vector)
            #expect(found.map(\.stamp.rawValue).sorted() == latest.values.filter { $0 > floor }.sorted())
            #expect(found.map(\.origin) == found.map(\.origin).sorted())
        }
    }
}

struct VersionVectorTests {
    private func vector(_ stamps: [String: UInt64]) -> VersionVector {
        VersionVector(stamps.mapValues { StoreStamp(rawValue: $0) })
    }

    @Test func aMergeCoversBoth() {
        let (one, other) = (vector(["a": 5, "b": 1]), vector(["a": 3, "c": 9]))
        var both = one
        both.merge(other)
        #expect(both == vector(["a": 5, "b": 1, "c": 9]))
        #expect(both.covers(one) && both.covers(other) && !one.covers(other) && !other.covers(one))
        #expect(one.greatest(missedBy: other) == StoreStamp(rawValue: 5))
        #expect(one.greatest(missedBy: both) == nil)
    }

    @Test func aMissingStampEqualsZero() {
        var one = vector(["a": 5])
        one["a"] = .zero
        #expect(one == VersionVector() && one.digest == VersionVector().digest && one.isEmpty)
        #expect(vector(["a": 5]).digest != vector(["b": 5]).digest)
    }
}
