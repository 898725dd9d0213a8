import Synchronization

/// The items that one reader of a feed has not taken yet. Its size is bounded, however slow the reader is.
package protocol FeedBacklog: Sendable {
    /// A change, as the feed pushes it.
    associatedtype News: Sendable
    /// What the reader takes: one change, or several merged into one.
    associatedtype Item: Sendable

    mutating func add(_ news: News)
    /// Removes and returns the next item; nil if the backlog is empty.
    mutating func take() -> Item?
}

/// A reader of a feed: hands changes to one task, which may be slow.
package final class FeedReader<Backlog: FeedBacklog>: Sendable {
    private typealias Waiting = CheckedContinuation<Backlog.Item?, Never>

    private struct State {
        var backlog: Backlog
        var waiting: Waiting?
        var isFinished = false
    }

    private let state: Mutex<State>

    package init(_ backlog: Backlog) {
        state = Mutex(State(backlog: backlog))
    }

    package func push(_ news: Backlog.News) {
        let (waiting, item) = state.withLock { state -> (Waiting?, Backlog.Item?) in
            guard !state.isFinished else { return (nil, nil) }
            state.backlog.add(news)
            guard let waiting = state.waiting, let item = state.backlog.take() else { return (nil, nil) }
            state.waiting = nil
            return (waiting, item)
        }
        waiting?.resume(returning: item)
    }

    /// The next item, once there is one.
    ///
    /// - Returns: nil if the task is cancelled, or if the feed is finished and all items are taken.
    package func next() async -> Backlog.Item? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // A second task that waits on the same reader ends the first one's wait.
                let (now, item) = state.withLock { state -> (Waiting?, Backlog.Item?) in
                    if let item = state.backlog.take() { return (continuation, item) }
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

    package func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: nil)
    }
}

/// The readers of one feed. It holds them weakly, so a reader ends with its owner.
package final class FeedReaders<Backlog: FeedBacklog>: Sendable {
    private struct Weak {
        weak var reader: FeedReader<Backlog>?
    }

    private struct State {
        var readers: [Weak] = []
        var isFinished = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Creates a reader of all changes from now on.
    package func reader(_ backlog: Backlog) -> FeedReader<Backlog> {
        let reader = FeedReader(backlog)
        let isFinished = state.withLock { state in
            state.readers.removeAll { $0.reader == nil }
            if !state.isFinished { state.readers.append(Weak(reader: reader)) }
            return state.isFinished
        }
        if isFinished { reader.finish() }
        return reader
    }

    package func push(_ news: Backlog.News) {
        for reader in state.withLock({ $0.readers }) { reader.reader?.push(news) }
    }

    package func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            return state.readers
        }
        for reader in readers { reader.reader?.finish() }
    }
}
