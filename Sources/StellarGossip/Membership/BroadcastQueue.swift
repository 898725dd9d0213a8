/// News to be passed on, each a limited number of times (SWIM section 4.1), those that were sent least first.
///
/// A newer message about the same subject replaces the older one. Whatever comes, the queue stays below its limit: the
/// ones that were sent most often go first, as they are the best known.
struct BroadcastQueue: Sendable {
    /// One message, and how often it went out.
    struct Item: Sendable, Hashable {
        var bytes: [UInt8]
        /// Whom it is about.
        var subject: String
        /// Counts up: later is newer.
        var id: UInt64
    }

    private struct Key: Hashable {
        var transmits: Int
        var length: Int
        var id: UInt64
    }

    /// By number of transmissions; within one by (length, id), so that the longest that fits is found by bisection.
    private var tiers: [[Item]] = []
    private var keys: [String: Key] = [:]
    private var nextID: UInt64 = 0
    private(set) var byteCount = 0
    let limit: Int
    /// Messages that the limit cost.
    private(set) var dropped = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { keys.count }
    var isEmpty: Bool { keys.isEmpty }

    func contains(subject: String) -> Bool { keys[subject] != nil }

    /// Queues a message in the place of an older one about the same subject.
    mutating func insert(_ bytes: [UInt8], about subject: String) {
        if let key = keys[subject] { remove(key, subject) }
        let item = Item(bytes: bytes, subject: subject, id: nextID)
        nextID += 1
        place(item, transmits: 0)
        while byteCount > limit, let worst = tiers.lastIndex(where: { !$0.isEmpty }) {
            let item = tiers[worst][tiers[worst].count - 1]
            remove(Key(transmits: worst, length: item.bytes.count, id: item.id), item.subject)
            dropped += 1
        }
    }

    /// Messages for one datagram.
    ///
    /// - Parameters:
    ///   - overhead: bytes that each costs beside its own.
    ///   - space: bytes that all may take.
    ///   - transmitLimit: how often each is sent; one that gets there is done.
    /// - Returns: the messages, and the subjects of those that are done.
    mutating func take(
        overhead: Int,
        space: Int,
        transmitLimit: Int
    ) -> (messages: [[UInt8]], finished: [String]) {
        var messages: [[UInt8]] = []
        var finished: [String] = []
        guard !isEmpty else { return (messages, finished) }
        var space = space
        var again: [(Item, Int)] = []
        for tier in tiers.indices {
            while messages.count < Compound.maximumParts - 1, let index = longest(in: tier, within: space - overhead) {
                let item = tiers[tier].remove(at: index)
                space -= overhead + item.bytes.count
                byteCount -= item.bytes.count
                keys[item.subject] = nil
                messages.append(item.bytes)
                if tier + 1 < transmitLimit { again.append((item, tier + 1)) } else { finished.append(item.subject) }
            }
        }
        for (item, transmits) in again { place(item, transmits: transmits) }
        return (messages, finished)
    }

    /// The index of the longest item of at most `space` bytes; of equals the newest.
    private func longest(in tier: Int, within space: Int) -> Int? {
        let items = tiers[tier]
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if items[middle].bytes.count <= space { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    private mutating func place(_ item: Item, transmits: Int) {
        while tiers.count <= transmits { tiers.append([]) }
        let index = position(of: (item.bytes.count, item.id), in: tiers[transmits])
        tiers[transmits].insert(item, at: index)
        keys[item.subject] = Key(transmits: transmits, length: item.bytes.count, id: item.id)
        byteCount += item.bytes.count
    }

    private mutating func remove(_ key: Key, _ subject: String) {
        let index = position(of: (key.length, key.id), in: tiers[key.transmits])
        tiers[key.transmits].remove(at: index)
        keys[subject] = nil
        byteCount -= key.length
    }

    /// The first index whose item is not before (length, id).
    private func position(of key: (Int, UInt64), in items: [Item]) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if (items[middle].bytes.count, items[middle].id) < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
