import NIOCore
import NIOPosix

/// Runs all of the program on the thread it began with: its tasks, and the event loop of its one connection.
///
/// A command lives for milliseconds. Swift's own executor would start two threads for it, the event loop a third, and each
/// answer would wait for the kernel to switch from one to another.
enum MainThread {
    /// Runs `body`, which ends the process.
    static func run(_ body: @escaping @Sendable () async -> Never) {
        MultiThreadedEventLoopGroup.withCurrentThreadAsEventLoop { loop in
            Task(executorPreference: EventLoopExecutor(loop: loop)) { await body() }
        }
    }
}

/// An event loop that runs Swift's jobs between its events.
private final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
