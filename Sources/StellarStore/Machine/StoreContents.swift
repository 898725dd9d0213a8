/// All that a node holds: by key, and by origin and stamp, so that what another node misses is found without a search of
/// everything. A value: an exchange works on a copy, while the original changes.
struct StoreContents: Sendable {
    /// Live entries and tombstones, apart: a day's tombstones may be many more than the entries that are read all the time.
    private var living: [ExactText: SnapshotDictionary<ExactText, StoreEntry>] = [:]
    private var dead = SnapshotDictionary<StoreKey, StoreEntry>()
    private var writes: [String: StoreWrites] = [:]
    private var deletes = StoreWrites()
    private(set) var count = 0
    /// The sum of the digests of live entries, which does not depend on their order. Tombstones do not count: nodes forget
    /// them at different times.
    private(set) var digest: UInt64 = 0
    private var deadDigest: UInt64 = 0

    subscript(key: StoreKey) -> StoreEntry? {
        living[ExactText(key.bucket)]?[ExactText(key.key)] ?? dead[key]
    }

    var tombstoneCount: Int { dead.count }

    /// In the order of keys.
    var tombstones: [StoreEntry] { dead.values.sorted { $0.key < $1.key } }

    mutating func put(_ entry: StoreEntry) {
        remove(entry.key)
        count += 1
        if entry.isTombstone {
            dead.updateValue(entry, forKey: entry.key)
            deadDigest &+= entry.digest
            deletes.add(entry)
        } else {
            living[ExactText(entry.key.bucket), default: SnapshotDictionary()]
                .updateValue(entry, forKey: ExactText(entry.key.key))
            digest &+= entry.digest
        }
        writes[entry.origin, default: StoreWrites()].add(entry)
    }

    mutating func remove(_ key: StoreKey) {
        let bucket = ExactText(key.bucket)
        let old: StoreEntry
        if let entry = dead.removeValue(forKey: key) {
            old = entry
            deadDigest &-= old.digest
            var deletes = deletes
            deletes.forget(unless: isCurrent)
            self.deletes = deletes
        } else if let entry = living[bucket]?.removeValue(forKey: ExactText(key.key)) {
            old = entry
            digest &-= old.digest
            if living[bucket]?.isEmpty ?? false { living[bucket] = nil }
        } else {
            return
        }
        count -= 1
        guard var list = writes[old.origin] else { return }
        list.forget(unless: isCurrent)
        writes[old.origin] = list
    }

    private func isCurrent(_ write: StoreWrite) -> Bool {
        guard let entry = self[write.key] else { return false }
        return entry.origin == write.origin && entry.stamp == write.stamp
    }

    /// The sum of the digests of tombstones after `floor`; up to it a node may have forgotten some.
    func tombstoneDigest(after floor: StoreStamp) -> UInt64 {
        // Nearly all are after it, so those before it are subtracted.
        deletes.upTo(floor).reduce(deadDigest) { sum, write in
            isCurrent(write) ? sum &- (dead[write.key]?.digest ?? 0) : sum
        }
    }

    /// The living ones of a bucket, in the order of their keys.
    func entries(_ bucket: String, prefix: String) -> [StoreEntry] {
        (living[ExactText(bucket)]?.values ?? [])
            .filter { $0.key.key.utf8.starts(with: prefix.utf8) }
            .sorted { $0.key < $1.key }
    }

    /// The names of the buckets that have something alive.
    var bucketNames: [String] { living.keys.sorted().map(\.text) }

    /// Everything alive, in no order.
    var allLiving: [StoreEntry] { living.values.flatMap(\.values) }

    /// Everything, tombstones too, in the order of keys.
    var all: [StoreEntry] { (allLiving + dead.values).sorted { $0.key < $1.key } }

    /// What a vector does not cover: by origin, in the order of stamps.
    func entries(beyond vector: VersionVector) -> [StoreEntry] {
        writes.keys.sorted().flatMap { origin -> [StoreEntry] in
            guard let writes = writes[origin] else { return [] }
            return writes.after(vector[origin]).compactMap { isCurrent($0) ? self[$0.key] : nil }
        }
    }
}
