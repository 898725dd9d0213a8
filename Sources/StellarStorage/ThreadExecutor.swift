import Glibc
import Synchronization

/// A serial executor with one thread of its own, for calls that block.
///
/// The thread sleeps in `read` on a pipe whose bytes stand for "there may be jobs"; it ends when the executor goes.
final class ThreadExecutor: SerialExecutor {
    private let queue: Queue

    init() throws {
        queue = try Queue()
        try queue.start()
    }

    deinit {
        queue.stop()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        // The executor rides along so that it outlives the job that may drop the last reference to its actor.
        queue.append(UnownedJob(job), on: self)
    }
}

/// What the executor and its thread share. The thread holds this alone, never the executor, so that the executor can go.
private final class Queue: Sendable {
    private struct Item {
        var job: UnownedJob
        var executor: ThreadExecutor
    }

    private struct State {
        var items: [Item] = []
        var stopped = false
    }

    private let state = Mutex(State())
    private let readEnd: Int32
    private let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw StorageError(
                .thread,
                "cannot make a pipe for the storage thread: \(String(cString: strerror(errno)))"
            )
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        Glibc.close(readEnd)
        Glibc.close(writeEnd)
    }

    func append(_ job: UnownedJob, on executor: ThreadExecutor) {
        let wasEmpty = state.withLock { state in
            state.items.append(Item(job: job, executor: executor))
            return state.items.count == 1
        }
        if wasEmpty { wake() }
    }

    func stop() {
        state.withLock { $0.stopped = true }
        wake()
    }

    func start() throws {
        var thread = pthread_t()
        let reference = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Queue>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            reference.toOpaque()
        )
        guard result == 0 else {
            reference.release()
            throw StorageError(.thread, "cannot start the storage thread: \(String(cString: strerror(result)))")
        }
        pthread_detach(thread)
    }

    private func wake() {
        var byte: UInt8 = 1
        while write(writeEnd, &byte, 1) < 0, errno == EINTR {}
    }

    private func run() {
        var buffer: [UInt8] = Array(repeating: 0, count: 64)
        while true {
            let count = read(readEnd, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            let (items, stopped) = state.withLock { state in
                defer { state.items = [] }
                return (state.items, state.stopped)
            }
            for item in items {
                item.job.runSynchronously(on: item.executor.asUnownedSerialExecutor())
            }
            if stopped { return }
        }
    }
}
