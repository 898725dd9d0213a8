/// The events of a ``ContainerRuntime``'s containers, from now on and without end.
///
/// Begins with ``RuntimeEvent/Kind/resynchronize``: a reader that lists the containers after it misses nothing. The
/// same event follows each interruption (containerd was down, the reader was too slow). Ends when the reading task is
/// cancelled. Each iterator has its own subscription.
public struct RuntimeEvents: AsyncSequence, Sendable {
    public typealias Element = RuntimeEvent

    let runtime: ContainerRuntime

    /// Reads the events; the subscription ends with it.
    public final class AsyncIterator: AsyncIteratorProtocol {
        private let mailbox: EventMailbox
        private let reader: Task<Void, Never>

        init(runtime: ContainerRuntime) {
            let mailbox = EventMailbox()
            self.mailbox = mailbox
            // An unstructured task: an iterator has no scope; `deinit` cancels the task.
            reader = Task { await runtime.deliverEvents(to: mailbox) }
        }

        deinit {
            reader.cancel()
            mailbox.close()
        }

        public func next() async -> RuntimeEvent? {
            await mailbox.next()
        }
    }

    /// Subscribes.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(runtime: runtime)
    }
}
