import Synchronization

/// Work that somebody else may end before it is done, each under a key of its own.
final class EndableWork<Key: Hashable & Sendable>: Sendable {
    private let ends = Mutex<[Key: AsyncStream<Void>.Continuation]>([:])

    /// - Parameter reason: Why it was ended, of the error Aborted that is thrown then.
    func run<Result: Sendable>(
        _ key: Key,
        isEndedAs reason: String,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (end, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        ends.withLock { $0[key] = continuation }
        defer { ends.withLock { $0[key] = nil } }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in end { throw Cause(.aborted, reason) }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// - Returns: Whether there was something to end.
    @discardableResult
    func end(_ key: Key) -> Bool {
        ends.withLock { ends in
            ends[key]?.yield()
            return ends[key] != nil
        }
    }

    func isRunning(_ key: Key) -> Bool { ends.withLock { $0[key] != nil } }
}
