import StellarNet
import Synchronization

/// The nameserver's index of the records, rebuilt when they change.
final class ZoneCache: Sendable {
    private let records: RecordBook
    private let cached = Mutex<(version: Int, zone: Zone)>((-1, .empty))

    init(records: RecordBook) {
        self.records = records
    }

    func current() -> Zone {
        cached.withLock { cached in
            // Read before the records: a change in between rebuilds the index once more, and no change is missed.
            let version = records.version
            if cached.version != version { cached = (version, Zone(records.all())) }
            return cached.zone
        }
    }
}
