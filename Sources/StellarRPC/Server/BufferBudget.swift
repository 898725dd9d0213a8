/// Who holds how many buffered bytes of a server, and who has to go when they are too many together. Pure.
///
/// The one that holds the most goes: refusing the one that asks for more would let clients that hoard keep out those that
/// want little.
package struct BufferBudget<Holder: Hashable & Comparable & Sendable>: Sendable {
    /// Holders report again when their bytes have changed by this much. So a small call costs no look at the budget, and what
    /// is not reported is less than this for each connection.
    package static var step: Int { 64 << 10 }

    private let limit: Int
    private var held: [Holder: Int] = [:]
    /// Without those that were told to go.
    package private(set) var total = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: who has to go. It is counted as gone until it reports again.
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
    }
}
