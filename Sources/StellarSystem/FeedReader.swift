import Synchronization

/// What one reader of a feed has not taken yet: bounded, whatever the reader does.
package protocol FeedBacklog: Sendable {
    /// What happens.
    associatedtype News: Sendable
    /// What a reader is told.
    associatedtype Item: Sendable

    mutating func add(_ news: News)
    /// nil where nothing waits.
    mutating func take() -> Item?
}

/// Hands what happens to one task that waits for it, which may be of any speed.
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

    /// - Returns: nil when the task is cancelled, or all is taken and no more will come.
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

/// The readers of one feed. One that nobody holds any more is gone.
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

    /// A reader of all that happens from now on.
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
