import NIOPosix

/// Threads for calls that block in the kernel: namespaces, mounts, netlink, small files under `/proc` and `/run`.
///
/// Swift's concurrency pool has as many threads as cores; a thread that waits in the kernel delays all tasks.
enum BlockingThreads {
    /// Containers that start at once wait for the kernel's lock on namespaces: more threads would only wait.
    private static let count = 4

    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
        return pool
    }()

    /// Runs `body` on one of the threads. Its errors reach the caller; a ``SystemCallError`` as ``NetworkError``.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        do {
            return try await pool.runIfActive(body)
        } catch let error as SystemCallError {
            throw error.networkError
        }
    }
}
