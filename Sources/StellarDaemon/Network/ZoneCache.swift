import StellarNet
import Synchronization

/// The nameserver's index of the records, made anew when they changed.
final class ZoneCache: Sendable {
    private let records: RecordBook
    private let cached = Mutex<(version: Int, zone: Zone)>((-1, .empty))

    init(records: RecordBook) {
        self.records = records
    }

    func current() -> Zone {
        cached.withLock { cached in
            // Read before the records: a change in between then makes the index anew once more, and none is missed.
            let version = records.version
            if cached.version != version { cached = (version, Zone(records.all())) }
            return cached.zone
        }
    }
}
