/// All that a node holds: by key, and by who wrote it when, so that what another node misses is found without looking at
/// everything. A value: a copy is what an exchange works on, while the original goes on changing.
struct StoreContents: Sendable {
    /// In buckets, so that a change during an exchange copies one of them and not all.
    private var buckets: [ExactText: [ExactText: StoreEntry]] = [:]
    private var writes: [String: Writes] = [:]
    private(set) var tombstones: Set<StoreKey> = []
    private(set) var count = 0
    /// The sum of those of the living entries: in whatever order they came, it is the same. Tombstones do not count: nodes
    /// forget them at different times.
    private(set) var digest: UInt64 = 0

    subscript(key: StoreKey) -> StoreEntry? { buckets[ExactText(key.bucket)]?[ExactText(key.key)] }

    mutating func put(_ entry: StoreEntry) {
        let (bucket, key) = (ExactText(entry.key.bucket), ExactText(entry.key.key))
        let old = buckets[bucket, default: [:]].updateValue(entry, forKey: key)
        if let old { forget(old) }
        count += 1
        if entry.isTombstone { tombstones.insert(entry.key) } else { digest &+= entry.digest }
        writes[entry.origin, default: Writes()].add(entry)
    }

    mutating func remove(_ key: StoreKey) {
        let bucket = ExactText(key.bucket)
        guard let old = buckets[bucket]?.removeValue(forKey: ExactText(key.key)) else { return }
        if buckets[bucket]?.isEmpty ?? false { buckets[bucket] = nil }
        forget(old)
    }

    private mutating func forget(_ old: StoreEntry) {
        count -= 1
        if old.isTombstone { tombstones.remove(old.key) } else { digest &-= old.digest }
        guard var list = writes[old.origin] else { return }
        list.stale += 1
        if list.isMostlyStale {
            list.keep { key, stamp in
                guard let entry = self[key] else { return false }
                return entry.origin == old.origin && entry.stamp == stamp
            }
        }
        writes[old.origin] = list
    }

    /// The sum of those of the tombstones after `floor`, below which somebody may have forgotten some.
    func tombstoneDigest(after floor: StoreStamp) -> UInt64 {
        tombstones.reduce(0) { sum, key in
            guard let entry = self[key], entry.stamp > floor else { return sum }
            return sum &+ entry.digest
        }
    }

    /// The living ones of a bucket, in the order of their keys.
    func entries(_ bucket: String, prefix: String) -> [StoreEntry] {
        (buckets[ExactText(bucket)] ?? [:]).values
            .filter { !$0.isTombstone && $0.key.key.utf8.starts(with: prefix.utf8) }
            .sorted { $0.key < $1.key }
    }

    /// The names of the buckets that have something alive.
    var bucketNames: [String] {
        buckets.filter { $0.value.values.contains { !$0.isTombstone } }.keys.sorted().map(\.text)
    }

    /// Everything, tombstones too, in the order of keys.
    var all: [StoreEntry] {
        buckets.values.flatMap(\.values).sorted { $0.key < $1.key }
    }

    /// What a vector does not cover: by origin, in the order of stamps.
    func entries(beyond vector: VersionVector) -> [StoreEntry] {
        writes.keys.sorted().flatMap { origin -> [StoreEntry] in
            guard let writes = writes[origin] else { return [] }
            return writes.after(vector[origin]).compactMap { write in
                guard let entry = self[write.key], entry.origin == origin, entry.stamp == write.stamp else {
                    return nil
                }
                return entry
            }
        }
    }
}

extension StoreContents {
    /// The keys under which one node wrote, in the order of its stamps. Those that were superseded since are left in until
    /// they are the greater part.
    private struct Writes: Sendable {
        private var list: [(stamp: StoreStamp, key: StoreKey)] = []
        var stale = 0

        /// Not worth the work.
        private static let few = 32

        var isMostlyStale: Bool { stale > Self.few && stale * 2 > list.count }

        mutating func add(_ entry: StoreEntry) {
            let index = (list.last?.stamp ?? .zero) <= entry.stamp ? list.count : position(after: entry.stamp)
            list.insert((entry.stamp, entry.key), at: index)
        }

        mutating func keep(where isCurrent: (StoreKey, StoreStamp) -> Bool) {
            list.removeAll { !isCurrent($0.key, $0.stamp) }
            stale = 0
        }

        func after(_ stamp: StoreStamp) -> ArraySlice<(stamp: StoreStamp, key: StoreKey)> {
            list[position(after: stamp)...]
        }

        /// The first index whose stamp is above `stamp`.
        private func position(after stamp: StoreStamp) -> Int {
            var (low, high) = (0, list.count)
            while low < high {
                let middle = (low + high) / 2
                if list[middle].stamp <= stamp { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }
}
