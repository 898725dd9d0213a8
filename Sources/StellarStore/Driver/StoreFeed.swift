import StellarSystem

/// Changes of a bucket, told to a reader of any speed: one that is slow gets what has come meanwhile at once, and where that
/// was more than is kept for it, is told to look at everything.
package struct StoreFeed: AsyncSequence, Sendable {
    package typealias Element = StoreNews

    /// Entries that wait for a reader. Their values are in the store anyhow; a reader that is so far behind is quicker when
    /// it looks at everything.
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

/// What has changed.
package enum StoreNews: Sendable, Hashable {
    case entries([StoreEntry])
    /// More than could be kept.
    case everything
}
