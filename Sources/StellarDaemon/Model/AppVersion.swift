import StellarStore

/// Which write said what should run of an app. The newest holds, everywhere and whole.
struct AppVersion: Sendable, Hashable, Comparable {
    var stamp: StoreStamp
    /// The node that took the command.
    var origin: String

    init(stamp: StoreStamp, origin: String) {
        (self.stamp, self.origin) = (stamp, origin)
    }

    init(_ entry: StoreEntry) {
        self.init(stamp: entry.stamp, origin: entry.origin)
    }

    static func < (left: AppVersion, right: AppVersion) -> Bool {
        (left.stamp, left.origin) < (right.stamp, right.origin)
    }

    /// Seconds since 1970.
    var time: Int64 { Int64(stamp.milliseconds / 1000) }
}
