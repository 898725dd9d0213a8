/// News to be passed on, each a limited number of times (SWIM section 4.1), those that were sent least first.
///
/// A newer message about the same subject replaces the older one. Whatever comes, the queue stays below its limit: the
/// ones that were sent most often go first, as they are the best known.
struct BroadcastQueue: Sendable {
    private struct Item: Sendable {
        var bytes: [UInt8]
        /// Whom it is about.
        var subject: String
        var transmits: Int
        var rank: UInt64
    }

    /// An item in its tier. Only what is compared, side by side: a queue of thousands is searched for every datagram.
    private struct Place: Sendable {
        /// Length in the high 16 bits; below it a number that counts up, so that of equally long ones the newest is last.
        var rank: UInt64
        var item: Int32

        static let longest = Int(UInt16.max)

        static func rank(length: Int, number: UInt64) -> UInt64 { UInt64(length) << 48 | number }

        var length: Int { Int(rank >> 48) }
    }

    private var items: [Item?] = []
    private var freeItems: [Int32] = []
    private var itemOfSubject: [String: Int32] = [:]
    /// By number of transmissions; each is in the order of its ranks, so that the longest that fits is found by bisection.
    private var tiers: [[Place]] = []
    private var nextNumber: UInt64 = 0
    private(set) var byteCount = 0
    let limit: Int
    /// Messages that the limit cost.
    private(set) var dropped = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { itemOfSubject.count }
    var isEmpty: Bool { itemOfSubject.isEmpty }

    func contains(subject: String) -> Bool { itemOfSubject[subject] != nil }

    /// Queues a message in the place of an older one about the same subject.
    ///
    /// - Parameter bytes: less than 64 KiB, as it is to fit a datagram; a longer one counts as dropped.
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
        var taken: [Place] = []
        for tier in tiers.indices {
            while messages.count < Compound.maximumParts - 1, let index = longest(in: tier, within: space - overhead) {
                let place = tiers[tier].remove(at: index)
                space -= overhead + place.length
                taken.append(place)
                if let bytes = items[Int(place.item)]?.bytes { messages.append(bytes) }
            }
        }
        // Not before all tiers were looked through: none goes twice into one datagram.
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

    /// The index of the longest item of at most `space` bytes; of equals the newest.
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

    /// Forgets an item that is in no tier any more.
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
