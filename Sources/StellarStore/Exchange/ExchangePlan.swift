import StellarSystem

/// With which node to exchange next, and when. Many reasons become one exchange; there is one at a time.
struct ExchangePlan: Sendable {
    struct Wanted: Sendable {
        var at: MonotonicTime
        /// nil: any node.
        var peer: String?
        var isFull: Bool
        /// Wanted only for missing writes, which gossip may bring until then.
        var isForGap: Bool
    }

    private(set) var wanted: Wanted?
    /// The peer of the running exchange.
    private(set) var running: String?
    private var earliest = MonotonicTime(nanoseconds: .min)
    private(set) var failures = 0
    /// Exchanges of everything in a row after which the two were not equal.
    var fruitless = 0
    /// Exchanges in a row after which writes were still missing.
    var gaps = 0

    mutating func want(_ peer: String?, at: MonotonicTime, isFull: Bool = false, isForGap: Bool = false) {
        guard var wanted else {
            wanted = Wanted(at: at, peer: peer, isFull: isFull, isForGap: isForGap)
            return
        }
        wanted.at = min(wanted.at, at)
        // An exchange of everything stays with its peer.
        if let peer, isFull || !wanted.isFull { wanted.peer = peer }
        wanted.isFull = wanted.isFull || isFull
        wanted.isForGap = wanted.isForGap && isForGap
        self.wanted = wanted
    }

    /// When the next exchange is due.
    var due: MonotonicTime? {
        guard running == nil, let wanted else { return nil }
        return max(wanted.at, earliest)
    }

    /// Takes the wanted exchange, if it is due.
    mutating func take(now: MonotonicTime) -> Wanted? {
        guard let due, due <= now else { return nil }
        defer { wanted = nil }
        return wanted
    }

    mutating func began(with peer: String, next: MonotonicTime) {
        running = peer
        earliest = next
    }

    mutating func ended(failed: Bool) {
        running = nil
        failures = failed ? min(failures + 1, 16) : 0
    }
}
