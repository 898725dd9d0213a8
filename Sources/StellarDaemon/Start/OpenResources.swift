import Synchronization

/// What has to be closed when the daemon ends, also when it fails in the middle of its start: the last opened first.
final class OpenResources: Sendable {
    private let closing = Mutex<[@Sendable () async -> Void]>([])

    func add(_ close: @escaping @Sendable () async -> Void) {
        closing.withLock { $0.append(close) }
    }

    func close() async {
        let closing = closing.withLock { closing in
            defer { closing = [] }
            return closing
        }
        for close in closing.reversed() { await close() }
    }
}
