package import NIOCore
import NIOPosix

/// Runs a whole program on its first thread: its tasks, and the event loop of its one connection.
///
/// A command-line tool lives for milliseconds. Swift's executor would start two threads for it and the event loop a third, and
/// each response would wait for a switch between them.
package enum MainThread {
    /// The event loop that ``run(_:)`` made of the first thread; nil elsewhere.
    package static var eventLoop: (any EventLoop)? { MultiThreadedEventLoopGroup.currentEventLoop }

    /// Runs `body`, which ends the process.
    package static func run(_ body: @escaping @Sendable () async -> Never) {
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
