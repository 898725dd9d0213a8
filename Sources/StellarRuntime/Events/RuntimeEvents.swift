/// What happens to the containers of a ``ContainerRuntime``, from now on and without end.
///
/// Begins with ``RuntimeEvent/Kind/resynchronize``: whoever looks at the containers after that misses nothing. The same
/// event follows each interruption (containerd was away, the reader was too slow). Ends when the reading task is
/// cancelled. Each iterator subscribes for itself.
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
            // The one task outside of any scope: an iterator has no scope but its own life, which `deinit` ends.
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
