import Synchronization

/// The mounts of new snapshots, kept until their task is made: saves the first start a round trip.
final class PreparedSnapshots: Sendable {
    private let mounts = Mutex<[String: [ContainerdMount]]>([:])
    /// The most entries, for containers that are never started; beyond, the mounts are requested again.
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
