/// A queue of messages to spread. Each is sent a limited number of times (SWIM section 4.1), the least sent first.
///
/// A newer message about the same subject replaces the older one. The queue always stays within its limit of bytes: it
/// drops the messages that were sent most often, because most nodes know them.
struct BroadcastQueue: Sendable {
    private struct Item: Sendable {
        var bytes: [UInt8]
        /// The node, or the application's subject, that it is about.
        var subject: String
        var transmits: Int
        var rank: UInt64
    }

    /// An item in its tier. It has only the fields that are compared: every datagram searches a queue of thousands.
    private struct Place: Sendable {
        /// The length in the high 16 bits, and below it a number that counts up: of equally long items the newest is
        /// last.
        var rank: UInt64
        var item: Int32

        static let longest = Int(UInt16.max)

        static func rank(length: Int, number: UInt64) -> UInt64 { UInt64(length) << 48 | number }

        var length: Int { Int(rank >> 48) }
    }

    private var items: [Item?] = []
    private var freeItems: [Int32] = []
    private var itemOfSubject: [String: Int32] = [:]
    /// The items by number of transmissions. Each tier is sorted by rank, so bisection finds the longest item that
    /// fits.
    private var tiers: [[Place]] = []
    private var nextNumber: UInt64 = 0
    private(set) var byteCount = 0
    let limit: Int
    /// Messages that were dropped to stay within the limit.
    private(set) var dropped = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { itemOfSubject.count }
    var isEmpty: Bool { itemOfSubject.isEmpty }

    func contains(subject: String) -> Bool { itemOfSubject[subject] != nil }

    /// Queues a message. It replaces an older one about the same subject.
    ///
    /// - Parameter bytes: less than 64 KiB, because it must fit a datagram; a longer one counts as dropped.
    mutating func insert(_ bytes: [UInt8], about subject: String) {
        guard bytes.count <= Place.longest else {
            dropped += 1
            return
        }
        if let old = itemOfSubject[subject] { remove(old) }
        let rank = Place.rank(length: bytes.count, number: nextNumber)
        nextNumber += 1
        let item = Item(bytes: bytes, subject: subject, transmits: 0, rank: rank)
        let index: Int32
        if let free = freeItems.popLast() {
            index = free
            items[Int(free)] = item
        } else {
            index = Int32(items.count)
            items.append(item)
        }
        itemOfSubject[subject] = index
        byteCount += bytes.count
        place(index, rank, transmits: 0)
        while byteCount > limit, let worst = tiers.last(where: { !$0.isEmpty })?.last {
            remove(worst.item)
            dropped += 1
        }
    }

    /// Takes messages for one datagram.
    ///
    /// - Parameters:
    ///   - overhead: bytes that each message costs beside its own.
    ///   - space: bytes that all messages together may take.
    ///   - transmitLimit: how often each message is sent; one that reaches it leaves the queue.
    /// - Returns: the messages, and the subjects of those that left the queue.
    mutating func take(
        overhead: Int,
        space: Int,
        transmitLimit: Int
    ) -> (messages: [[UInt8]], finished: [String]) {
        var messages: [[UInt8]] = []
        var finished: [String] = []
        guard !isEmpty else { return (messages, finished) }
        var space = space
        var taken: [Place] = []
        for tier in tiers.indices {
            while messages.count < Compound.maximumParts - 1, let index = longest(in: tier, within: space - overhead) {
                let place = tiers[tier].remove(at: index)
                space -= overhead + place.length
                taken.append(place)
                if let bytes = items[Int(place.item)]?.bytes { messages.append(bytes) }
            }
        }
        // Only after all tiers were searched, so that no message goes twice into one datagram.
        for sent in taken {
            let transmits = (items[Int(sent.item)]?.transmits ?? 0) + 1
            if transmits < transmitLimit {
                items[Int(sent.item)]?.transmits = transmits
                place(sent.item, sent.rank, transmits: transmits)
            } else if let item = items[Int(sent.item)] {
                finished.append(item.subject)
                free(sent.item, item)
            }
        }
        return (messages, finished)
    }

    /// The index of the longest item of at most `space` bytes; of equally long ones the newest.
    private func longest(in tier: Int, within space: Int) -> Int? {
        guard space >= 0, !tiers[tier].isEmpty else { return nil }
        let fitting =
            space >= Place.longest
            ? tiers[tier].count
            : position(of: Place.rank(length: space + 1, number: 0), in: tiers[tier])
        return fitting == 0 ? nil : fitting - 1
    }

    private mutating func place(_ item: Int32, _ rank: UInt64, transmits: Int) {
        while tiers.count <= transmits { tiers.append([]) }
        tiers[transmits].insert(Place(rank: rank, item: item), at: position(of: rank, in: tiers[transmits]))
    }

    private mutating func remove(_ index: Int32) {
        guard let item = items[Int(index)] else { return }
        tiers[item.transmits].remove(at: position(of: item.rank, in: tiers[item.transmits]))
        free(index, item)
    }

    // MARK: Invariants

    /// Asserts what holds after every change.
    ///
    /// - Returns: true, so that a release build can leave it out: `assert(checkInvariants())`.
    func checkInvariants() -> Bool {
        // Messages of strangers must not fill the memory.
        assert(byteCount <= limit, "\(byteCount) bytes are queued, over the limit of \(limit)")
        // An item without a subject would be sent, and never be replaced by a newer one.
        assert(items.count == itemOfSubject.count + freeItems.count, "an item is lost")
        return true
    }

    /// Asserts that the tiers hold each item once and in order.
    func checkTiers() -> Bool {
        // An item that is in no tier is never sent, and a leave message never finished.
        assert(tiers.reduce(0) { $0 + $1.count } == itemOfSubject.count, "an item is in no tier, or in two")
        var bytes = 0
        for (transmits, tier) in tiers.enumerated() {
            for (index, place) in tier.enumerated() {
                // Bisection finds nothing in a tier that is out of order.
                assert(index == 0 || tier[index - 1].rank < place.rank, "tier \(transmits) is out of order")
                let item = items[Int(place.item)]
                assert(item?.rank == place.rank && item?.transmits == transmits, "tier \(transmits) has a stale item")
                bytes += place.length
            }
        }
        assert(bytes == byteCount, "\(bytes) bytes are queued, \(byteCount) are counted")
        return true
    }

    /// Removes an item that is already out of its tier.
    private mutating func free(_ index: Int32, _ item: Item) {
        items[Int(index)] = nil
        freeItems.append(index)
        itemOfSubject[item.subject] = nil
        byteCount -= item.bytes.count
    }

    /// The first index whose rank is not below `rank`.
    private func position(of rank: UInt64, in places: [Place]) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].rank < rank { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
