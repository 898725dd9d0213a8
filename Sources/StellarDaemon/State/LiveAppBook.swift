import Logging
import StellarCore
import StellarStore
import StellarSystem
import Synchronization

/// This node's ``AppBook``: follows the store, and hands changes to its readers.
final class LiveAppBook: Sendable {
    let store: any StorePort
    private let book = Mutex(AppBook())
    private let audit = Mutex(BookAudit())
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

    /// Compares the book with the store, and applies what differs again.
    ///
    /// Changes are on their way for a moment, so only a difference that two calls in a row find counts: an error of ours,
    /// which is logged.
    func check() {
        let book = current
        let stored = Set(store.entries(StoreBucket.apps).map(\.key.key))
        let differences = stored.union(book.apps.keys).filter {
            book.differs($0, from: store.entry(StoreBucket.apps, $0))
        }
        for name in audit.withLock({ $0.confirmed(differences, book) }).sorted() {
            logger.error(
                "the records of an app in memory and in the store differed; the stored one is applied",
                metadata: ["app": "\(name)"]
            )
            refresh(name)
        }
    }

    /// What the last ``check()`` found, in words.
    var problem: String? {
        let names = audit.withLock { $0.found.sorted() }
        guard !names.isEmpty else { return nil }
        return "the record of \(names.joined(separator: ", ")) in memory differed from the store and was applied again"
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

/// Which differences of a book and its store last.
private struct BookAudit {
    /// Of the last check, each with the version that the book had.
    private var suspects: [String: AppVersion?] = [:]
    /// What the last check confirmed.
    private(set) var found: Set<String> = []

    mutating func confirmed(_ differences: Set<String>, _ book: AppBook) -> Set<String> {
        found = differences.filter { name in suspects[name].map { $0 == book.versions[name] } ?? false }
        suspects = Dictionary(uniqueKeysWithValues: differences.map { ($0, book.versions[$0]) })
        return found
    }
}

extension AppBook {
    /// Whether the book has another record of an app than the store.
    fileprivate func differs(_ name: String, from entry: StoreEntry?) -> Bool {
        guard let entry else { return apps[name] != nil }
        guard versions[name] == AppVersion(entry) else { return true }
        return undecodable[name] == nil && (apps[name] == nil) != (entry.value == nil)
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
