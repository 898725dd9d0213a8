import DequeModule
import Synchronization

/// What happens, told to readers of any speed.
///
/// Each reader has room for ``limit`` elements. One that is slower loses the oldest, and is told how many, in their place:
/// memory stays bounded, and the reader knows when to ask for the whole state anew.
public struct GossipFeed<Element: Sendable>: AsyncSequence, Sendable {
    public enum Item: Sendable {
        case element(Element)
        /// So many were lost here.
        case missed(Int)
    }

    /// A burst of joins of a thousand nodes fits.
    public static var limit: Int { 1024 }

    let reader: Reader

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Ends with nil when the task is cancelled, or the node is gone.
    public struct Iterator: AsyncIteratorProtocol {
        let reader: Reader

        public mutating func next() async -> Item? { await reader.next() }
    }

    /// What one reader has not taken yet.
    final class Reader: Sendable {
        private struct State {
            var elements = Deque<Element>()
            var missed = 0
            var waiting: CheckedContinuation<Item?, Never>?
            var isFinished = false

            mutating func take() -> Item? {
                if missed > 0 {
                    defer { missed = 0 }
                    return .missed(missed)
                }
                return elements.popFirst().map { .element($0) }
            }
        }

        private let state = Mutex(State())

        func push(_ element: Element) {
            let waiting = state.withLock { state -> CheckedContinuation<Item?, Never>? in
                guard !state.isFinished else { return nil }
                if let waiting = state.waiting {
                    state.waiting = nil
                    return waiting
                }
                if state.elements.count == GossipFeed.limit {
                    state.elements.removeFirst()
                    state.missed += 1
                }
                state.elements.append(element)
                return nil
            }
            waiting?.resume(returning: .element(element))
        }

        func finish() {
            let waiting = state.withLock { state in
                state.isFinished = true
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume(returning: nil)
        }

        func next() async -> Item? {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    // A second task that waits on the same iterator ends the first one's wait.
                    let (now, item) = state.withLock { state -> (CheckedContinuation<Item?, Never>?, Item?) in
                        if let item = state.take() { return (continuation, item) }
                        if state.isFinished { return (continuation, nil) }
                        defer { state.waiting = continuation }
                        return (state.waiting, nil)
                    }
                    now?.resume(returning: item)
                }
            } onCancel: {
                finish()
            }
        }
    }
}

/// The readers of one kind of news. One whose feed nobody holds any more is gone.
final class GossipReaders<Element: Sendable>: Sendable {
    private struct Weak {
        weak var reader: GossipFeed<Element>.Reader?
    }

    private struct State {
        var readers: [Weak] = []
        var isFinished = false
    }

    private let state = Mutex(State())

    func feed() -> GossipFeed<Element> {
        let reader = GossipFeed<Element>.Reader()
        let isFinished = state.withLock { state in
            state.readers.removeAll { $0.reader == nil }
            if !state.isFinished { state.readers.append(Weak(reader: reader)) }
            return state.isFinished
        }
        if isFinished { reader.finish() }
        return GossipFeed(reader: reader)
    }

    func push(_ element: Element) {
        for reader in state.withLock({ $0.readers }) { reader.reader?.push(element) }
    }

    func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            return state.readers
        }
        for reader in readers { reader.reader?.finish() }
    }
}
