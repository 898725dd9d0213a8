import Logging
import StellarCore
import StellarStore
import StellarSystem
import Synchronization

/// This node's ``AppBook``: follows the store, and hands changes to its readers.
final class LiveAppBook: Sendable {
    let store: any StorePort
    private let book = Mutex(AppBook())
    private let records: StoreFeed
    private let readers = FeedReaders<AppFeed.Backlog>()
    private let clock: HostClock
    private let logger: Logger

    init(store: any StorePort, clock: HostClock = .system, logger: Logger) {
        self.clock = clock
        self.store = store
        self.logger = logger
        records = store.changes(in: StoreBucket.apps)
    }

    /// The book now.
    var current: AppBook { book.withLock { $0 } }

    /// The names of apps that change from now on.
    func changes() -> AppFeed { AppFeed(reader: readers.reader(AppFeed.Backlog())) }

    /// Reads what the store has at the start.
    func load() {
        for entry in store.entries(StoreBucket.apps) {
            let outcome = book.withLock { $0.apply(entry, arrival: nil) }
            log(outcome, entry)
        }
    }

    /// Follows the store until cancelled.
    func run() async {
        for await news in records {
            switch news {
            case .entries(let entries): for entry in entries { apply(entry) }
            case .everything: applyEverything()
            }
        }
    }

    /// Applies a record of the store.
    func apply(_ entry: StoreEntry) {
        let outcome = book.withLock { $0.apply(entry, arrival: clock.unixSeconds) }
        log(outcome, entry)
        if outcome != .stale { readers.push(entry.key.key) }
    }

    /// Applies a record that this node has just written.
    func apply(_ desired: DesiredApp?, writtenAs entry: StoreEntry) {
        let name = entry.key.key
        let outcome = book.withLock { $0.apply(name, desired, AppVersion(entry), arrival: clock.unixSeconds) }
        if outcome != .stale { readers.push(name) }
    }

    /// Applies what the store has of an app now.
    func refresh(_ name: String) {
        if let entry = store.entry(StoreBucket.apps, name) { return apply(entry) }
        guard current.versions[name] != nil else { return }
        book.withLock { $0.remove(name) }
        readers.push(name)
    }

    private func applyEverything() {
        let entries = store.entries(StoreBucket.apps)
        for entry in entries { apply(entry) }
        // Deleted apps are not among the live entries.
        for name in Set(current.apps.keys).subtracting(entries.map(\.key.key)).sorted() { refresh(name) }
    }

    private func log(_ outcome: AppBook.Outcome, _ entry: StoreEntry) {
        guard case .undecodable(let reason) = outcome else { return }
        logger.error(
            "cannot decode the record of an app; its containers are left as they are",
            metadata: ["app": "\(entry.key.key)", "origin": "\(entry.origin)", "reason": "\(reason)"]
        )
    }
}

/// The names of apps whose record changed. A slow reader gets each name once.
struct AppFeed: AsyncSequence, Sendable {
    typealias Element = Set<String>

    let reader: FeedReader<Backlog>

    func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Ends with nil when the task is cancelled.
    struct Iterator: AsyncIteratorProtocol {
        let reader: FeedReader<Backlog>

        mutating func next() async -> Set<String>? { await reader.next() }
    }

    /// At most the names of all apps.
    struct Backlog: FeedBacklog {
        private var names: Set<String> = []

        mutating func add(_ name: String) { names.insert(name) }

        mutating func take() -> Set<String>? {
            defer { names = [] }
            return names.isEmpty ? nil : names
        }
    }
}
