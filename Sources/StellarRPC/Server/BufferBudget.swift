/// The buffered bytes of a server by holder (connection), and which holder to drop when the total is over the limit. Pure.
///
/// It drops the holder of the most bytes. Refusing the holder that wants more instead would let a client that hoards lock out
/// clients that need little.
package struct BufferBudget<Holder: Hashable & Comparable & Sendable>: Sendable {
    /// The change of its bytes after which a holder reports again. A small call then costs no lock, and less than this per
    /// connection is not counted.
    package static var step: Int { 64 << 10 }

    private let limit: Int
    private var held: [Holder: Int] = [:]
    /// The bytes of all holders that were not dropped.
    package private(set) var total = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: the holder to drop. Its bytes do not count until it reports again.
    package mutating func report(_ holder: Holder, _ bytes: Int) -> Holder? {
        remove(holder)
        if bytes > 0 {
            held[holder] = bytes
            total += bytes
        }
        guard total > limit else { return nil }
        guard let most = held.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return nil }
        remove(most.key)
        return most.key
    }

    package mutating func remove(_ holder: Holder) {
        total -= held.removeValue(forKey: holder) ?? 0
        // A drifting total would shed honest connections, or none.
        assert(total == held.values.reduce(0, +), "the total is the sum of the holders")
    }
}
