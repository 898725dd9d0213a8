package import StellarSystem

/// When a value was written, as a hybrid logical clock has it (Kulkarni et al., "Logical Physical Clocks", 2014): 48 bits
/// of milliseconds since 1970, and 16 that count within one. A node that has seen a stamp gives only greater ones.
///
/// A node gives no stamp twice. So its stamps also number its writes, and a ``VersionVector`` needs no other numbers.
package struct StoreStamp: RawRepresentable, Sendable, Hashable, Comparable {
    package var rawValue: UInt64

    /// Before all others.
    package static let zero = StoreStamp(rawValue: 0)
    /// The first stamp that is too late: the year 2200. A clock that is set to a later time would drag all others with it, and
    /// no later write could win against it. Below it the highest bit is 0, so that stamps are in order as signed numbers, too.
    package static let latest = StoreStamp(milliseconds: 7_258_118_400_000, counter: 0)

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(milliseconds: UInt64, counter: UInt16 = 0) { rawValue = milliseconds << 16 | UInt64(counter) }

    /// Since 1970.
    package var milliseconds: UInt64 { rawValue >> 16 }
    package var counter: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    package static func < (left: StoreStamp, right: StoreStamp) -> Bool { left.rawValue < right.rawValue }
}

/// A moment on two clocks: the monotonic one for deadlines, the wall clock for stamps and ages.
package struct StoreTime: Sendable, Hashable {
    package var monotonic: MonotonicTime
    /// Since 1970. May jump forward and back.
    package var unixMilliseconds: UInt64

    package init(monotonic: MonotonicTime, unixMilliseconds: UInt64) {
        self.monotonic = monotonic
        self.unixMilliseconds = unixMilliseconds
    }
}

/// Gives stamps: each is greater than all that it gave or saw before.
struct StoreClock: Sendable, Hashable {
    /// The last one given or seen.
    private(set) var last = StoreStamp.zero

    /// - Returns: nil from ``StoreStamp/latest`` on, where the wall clock is centuries wrong.
    mutating func next(now: StoreTime) -> StoreStamp? {
        let wall = StoreStamp(milliseconds: min(now.unixMilliseconds, StoreStamp.latest.milliseconds))
        // A full counter runs over into the milliseconds, which is as good.
        let stamp = max(wall, StoreStamp(rawValue: last.rawValue + 1))
        guard stamp < .latest else { return nil }
        last = stamp
        return stamp
    }

    /// Notes a stamp. One that is too late changes nothing.
    mutating func observe(_ stamp: StoreStamp) {
        if stamp < .latest { last = max(last, stamp) }
    }

    /// The time in milliseconds since 1970: the wall clock's, unless that is behind the stamps.
    func milliseconds(now: StoreTime) -> UInt64 {
        max(last.milliseconds, min(now.unixMilliseconds, StoreStamp.latest.milliseconds))
    }
}
