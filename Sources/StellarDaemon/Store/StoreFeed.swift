import StellarGossip
import Synchronization

/// Changes of a bucket, told to a reader of any speed: one that is slow gets what has come meanwhile at once, and where that
/// was more than is kept for it, is told to look at everything.
struct StoreFeed: AsyncSequence, Sendable {
    typealias Element = StoreNews

    /// Entries that wait for a reader. Their values are in the store anyhow; a reader that is so far behind is quicker when
    /// it looks at everything.
    static let limit = 1024

    let reader: Reader

    func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Ends with nil when the task is cancelled.
    struct Iterator: AsyncIteratorProtocol {
        let reader: Reader

        mutating func next() async -> StoreNews? { await reader.next() }
    }
}

/// What has changed.
enum StoreNews: Sendable, Hashable {
    case entries([StoreEntry])
    /// More than could be kept.
    case everything
}

extension StoreFeed {
    /// What one reader has not taken yet.
    final class Reader: Sendable {
        private struct State {
            var entries: [StoreEntry] = []
            var isOverflown = false
            var isFinished = false
            var waiting: CheckedContinuation<StoreNews?, Never>?

            mutating func take() -> StoreNews? {
                defer { (entries, isOverflown) = ([], false) }
                if isOverflown { return .everything }
                return entries.isEmpty ? nil : .entries(entries)
            }
        }

        let bucket: String
        private let state = Mutex(State())

        init(bucket: String) {
            self.bucket = bucket
        }

        func push(_ entries: [StoreEntry]) {
            let wanted = entries.filter { $0.key.bucket == bucket }
            guard !wanted.isEmpty else { return }
            let (waiting, news) = state.withLock { state -> (CheckedContinuation<StoreNews?, Never>?, StoreNews?) in
                guard !state.isFinished else { return (nil, nil) }
                if state.entries.count + wanted.count > StoreFeed.limit {
                    (state.entries, state.isOverflown) = ([], true)
                } else if !state.isOverflown {
                    state.entries += wanted
                }
                guard let waiting = state.waiting else { return (nil, nil) }
                state.waiting = nil
                return (waiting, state.take())
            }
            waiting?.resume(returning: news)
        }

        func next() async -> StoreNews? {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    // A second task that waits on the same reader ends the first one's wait.
                    let (now, news) = state.withLock { state -> (CheckedContinuation<StoreNews?, Never>?, StoreNews?) in
                        if let news = state.take() { return (continuation, news) }
                        if state.isFinished { return (continuation, nil) }
                        defer { state.waiting = continuation }
                        return (state.waiting, nil)
                    }
                    now?.resume(returning: news)
                }
            } onCancel: {
                finish()
            }
        }

        func finish() {
            let waiting = state.withLock { state in
                state.isFinished = true
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume(returning: nil)
        }
    }
}

/// The readers of all buckets. One whose feed nobody holds any more is gone.
final class StoreReaders: Sendable {
    private struct Weak {
        weak var reader: StoreFeed.Reader?
    }

    private let readers = Mutex<[Weak]>([])

    func feed(_ bucket: String) -> StoreFeed {
        let reader = StoreFeed.Reader(bucket: bucket)
        readers.withLock { readers in
            readers.removeAll { $0.reader == nil }
            readers.append(Weak(reader: reader))
        }
        return StoreFeed(reader: reader)
    }

    func push(_ entries: [StoreEntry]) {
        guard !entries.isEmpty else { return }
        for reader in readers.withLock({ $0 }) { reader.reader?.push(entries) }
    }
}
