import Glibc

/// A thread of its own for a body that runs for long and waits for nothing.
enum OwnThread {
    static func run<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            let work = Work { continuation.resume(returning: body()) }
            var thread = pthread_t()
            let result = pthread_create(
                &thread,
                nil,
                { argument in
                    if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                    return nil
                },
                Unmanaged.passRetained(work).toOpaque()
            )
            precondition(result == 0, "cannot start a thread")
            pthread_detach(thread)
        }
    }

    private final class Work {
        let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }
    }
}
