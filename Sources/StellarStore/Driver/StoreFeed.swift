import StellarSystem

/// The changes of a bucket, for a reader of any speed. A slow reader gets several changes at once, and ``StoreNews/everything``
/// where there were more than are kept for it.
package struct StoreFeed: AsyncSequence, Sendable {
    package typealias Element = StoreNews

    /// Entries that are kept for a reader. A reader that is further behind is quicker when it reads the whole bucket.
    package static let limit = 1024

    let reader: FeedReader<Backlog>

    package func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Ends with nil when the task is cancelled.
    package struct Iterator: AsyncIteratorProtocol {
        let reader: FeedReader<Backlog>

        package mutating func next() async -> StoreNews? { await reader.next() }
    }

    struct Backlog: FeedBacklog {
        let bucket: String
        private var entries: [StoreEntry] = []
        private var isOverflown = false

        init(bucket: String) {
            self.bucket = bucket
        }

        mutating func add(_ news: [StoreEntry]) {
            guard !isOverflown else { return }
            entries += news.lazy.filter { [bucket] in $0.key.bucket == bucket }
            if entries.count > StoreFeed.limit { (entries, isOverflown) = ([], true) }
        }

        mutating func take() -> StoreNews? {
            defer { (entries, isOverflown) = ([], false) }
            if isOverflown { return .everything }
            return entries.isEmpty ? nil : .entries(entries)
        }
    }
}

/// What has changed in a bucket.
package enum StoreNews: Sendable, Hashable {
    case entries([StoreEntry])
    /// More than is kept; the reader reads the whole bucket.
    case everything
}
