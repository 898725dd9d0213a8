/// Up to which stamp a node has the writes of each origin.
///
/// `vector[o] = s` means: each write of `o` up to `s` is held, or an entry that supersedes it under the same key, or it was
/// deleted and its tombstone is forgotten.
package struct VersionVector: Sendable, Hashable {
    private var stamps: [String: StoreStamp] = [:]

    package init() {}

    package init(_ stamps: [String: StoreStamp]) {
        self.stamps = stamps.filter { $0.value > .zero }
    }

    package subscript(origin: String) -> StoreStamp {
        get { stamps[origin] ?? .zero }
        set { stamps[origin] = newValue == .zero ? nil : newValue }
    }

    package var count: Int { stamps.count }
    package var isEmpty: Bool { stamps.isEmpty }

    /// In the order of the names.
    package var all: [(origin: String, stamp: StoreStamp)] {
        stamps.map { (origin: $0.key, stamp: $0.value) }.sorted { $0.origin < $1.origin }
    }

    package func covers(_ entry: StoreEntry) -> Bool { self[entry.origin] >= entry.stamp }

    /// Whether nothing that `other` covers is not covered here.
    package func covers(_ other: VersionVector) -> Bool {
        other.stamps.allSatisfy { self[$0.key] >= $0.value }
    }

    package mutating func advance(_ origin: String, to stamp: StoreStamp) {
        if stamp > self[origin] { stamps[origin] = stamp }
    }

    package mutating func merge(_ other: VersionVector) {
        stamps.merge(other.stamps) { max($0, $1) }
    }

    package var greatest: StoreStamp { stamps.values.max() ?? .zero }

    /// The greatest of those stamps that `other` has not got to.
    func greatest(missedBy other: VersionVector) -> StoreStamp? {
        stamps.filter { other[$0.key] < $0.value }.values.max()
    }

    /// The same for equal vectors, whatever their order.
    var digest: UInt64 {
        stamps.reduce(0) { sum, pair in
            var hash = StoreHash()
            hash.add(pair.key)
            hash.add(pair.value.rawValue)
            return sum &+ hash.value
        }
    }
}
