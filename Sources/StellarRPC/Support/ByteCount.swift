import Synchronization

/// A number of bytes that tasks and an event loop count together.
package final class ByteCount: Sendable {
    private let count = Atomic(0)

    package init() {}

    package var value: Int { count.load(ordering: .relaxed) }

    package func add(_ bytes: Int) {
        count.add(bytes, ordering: .relaxed)
    }
}
