import Synchronization

/// The mounts of snapshots just prepared, until their task asks for them: it saves the first start a round trip.
final class PreparedSnapshots: Sendable {
    private let mounts = Mutex<[String: [ContainerdMount]]>([:])
    /// Containers made and never started; beyond, the mounts are asked for again.
    private static let limit = 256

    func keep(_ list: [ContainerdMount], for id: String) {
        mounts.withLock { mounts in
            if mounts.count >= Self.limit { mounts.removeAll() }
            mounts[id] = list
        }
    }

    func take(_ id: String) -> [ContainerdMount]? {
        mounts.withLock { $0.removeValue(forKey: id) }
    }
}
