import Synchronization

/// A byte count that tasks and an event loop share.
package final class ByteCount: Sendable {
    private let count = Atomic(0)

    package init() {}

    package var value: Int { count.load(ordering: .relaxed) }

    package func add(_ bytes: Int) {
        count.add(bytes, ordering: .relaxed)
    }
}
