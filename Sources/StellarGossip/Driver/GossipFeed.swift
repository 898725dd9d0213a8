import DequeModule
import StellarSystem

/// A feed of events for one reader.
///
/// It has room for ``limit`` elements. A slower reader loses the oldest, and gets their number in their place: memory
/// stays bounded, and the reader knows when to read the whole state again.
public struct GossipFeed<Element: Sendable>: AsyncSequence, Sendable {
    public enum Item: Sendable {
        case element(Element)
        /// This many were lost here.
        case missed(Int)
    }

    /// A burst of joins of a thousand nodes fits.
    public static var limit: Int { 1024 }

    let reader: FeedReader<Backlog>

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Ends with nil when the task is cancelled or the node has ended.
    public struct Iterator: AsyncIteratorProtocol {
        let reader: FeedReader<Backlog>

        public mutating func next() async -> Item? { await reader.next() }
    }

    struct Backlog: FeedBacklog {
        private var elements = Deque<Element>()
        private var missed = 0

        mutating func add(_ element: Element) {
            if elements.count == GossipFeed.limit {
                elements.removeFirst()
                missed += 1
            }
            elements.append(element)
        }

        mutating func take() -> Item? {
            if missed > 0 {
                defer { missed = 0 }
                return .missed(missed)
            }
            return elements.popFirst().map { .element($0) }
        }
    }
}

/// All readers of one kind of event.
struct GossipReaders<Element: Sendable>: Sendable {
    private let readers = FeedReaders<GossipFeed<Element>.Backlog>()

    func feed() -> GossipFeed<Element> { GossipFeed(reader: readers.reader(.init())) }
    func push(_ element: Element) { readers.push(element) }
    func finish() { readers.finish() }
}
