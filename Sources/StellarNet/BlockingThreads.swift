import NIOPosix

/// Threads of our own for what blocks in the kernel: namespaces, mounts, netlink, small files under `/proc` and `/run`.
///
/// The threads of Swift's concurrency pool number as many as the cores; one waiting in the kernel would hold up every task.
enum BlockingThreads {
    /// Ten containers started at once wait for the kernel's own lock on namespaces anyway: more threads would only wait.
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
