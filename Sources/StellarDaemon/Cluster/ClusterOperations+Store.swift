import StellarAPI
import StellarStore
import SwiftProtobuf

/// How far each node's copy of the replicated store is.
extension ClusterOperations {
    /// For ``converge(limit:)`` where the client gives no limit.
    static let convergeLimit = Duration.seconds(10)
    /// A call does not wait for the end of a network split of hours.
    static let maximumConvergeLimit = Duration.seconds(600)

    func storeHere() -> ClusterStoreStatus {
        let snapshot = store.snapshot()
        var status = ClusterStoreStatus()
        status.seen = snapshot.vector.all.map { origin, stamp in
            var seen = ClusterStoreSeen()
            (seen.origin, seen.stamp) = (origin, stamp.rawValue)
            return seen
        }
        status.entries = UInt64(snapshot.entries)
        status.synced = store.hasSynced
        status.quarantined = snapshot.quarantined.map(\.message)
        return status
    }

    /// Each node's copy, and what it lacks of the others'. A node that does not respond has no copy.
    func status(now: Int64) async -> [ClusterNodeStatus] {
        let shares = await everywhere(here: { storeHere() }, there: { try await $0.storeStatus() })
        var found = shares.map { share in
            var item = ClusterNodeStatus()
            item.node = share.observed.message(now: now)
            if let store = share.value { item.store = store }
            return item
        }
        var newest: [String: UInt64] = [:]
        for seen in found.flatMap(\.store.seen) { newest[seen.origin] = max(newest[seen.origin] ?? 0, seen.stamp) }
        for index in found.indices where found[index].hasStore {
            found[index].behind = Self.lags(of: found[index].store, newest: newest)
        }
        return found
    }

    static func lags(of status: ClusterStoreStatus, newest: [String: UInt64]) -> [ClusterStoreLag] {
        let seen = Dictionary(status.seen.map { ($0.origin, $0.stamp) }, uniquingKeysWith: { max($0, $1) })
        return newest.filter { (seen[$0.key] ?? 0) < $0.value }.sorted { $0.key < $1.key }.map { origin, stamp in
            var lag = ClusterStoreLag()
            lag.origin = origin
            if let has = seen[origin] { lag.has = StoreStamp(rawValue: has).timestamp }
            lag.newest = StoreStamp(rawValue: stamp).timestamp
            return lag
        }
    }

    /// Waits until the live nodes have the writes of this node up to now.
    func converge(limit: Duration) async -> [StoreConvergence] {
        await store.waitConverged(store.ownStamp, within: min(limit, Self.maximumConvergeLimit))
    }
}

extension StoreStamp {
    /// The wall clock's part of it.
    var timestamp: Google_Protobuf_Timestamp {
        var time = Google_Protobuf_Timestamp()
        time.seconds = Int64(milliseconds / 1000)
        time.nanos = Int32(milliseconds % 1000) * 1_000_000
        return time
    }
}
