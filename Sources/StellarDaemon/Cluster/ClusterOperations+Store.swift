import StellarAPI
import StellarRPC
import StellarStore
import SwiftProtobuf

/// How far each node's copy of the replicated store is.
extension ClusterOperations {
    /// For ``converge(limit:)`` where the client says none.
    static let convergeLimit = Duration.seconds(10)
    /// Nobody waits for a network split of hours in a call.
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

    /// Each node's copy, and what it lacks of the others'. Nodes that do not answer have none.
    func status(now: Int64) async -> [ClusterNodeStatus] {
        let all = await nodes()
        let answers = await ask(all) { try await $0.cluster.status(local: true) }
        let byName = Dictionary(answers.map { ($0.node.id, $0.answer) }, uniquingKeysWith: { $1 })
        var found = all.map { node in
            var item = ClusterNodeStatus()
            item.node = node.message(now: now)
            switch byName[node.id] {
            case .success(let found): if let store = found.first?.store { item.store = store }
            case .failure(let error): item.node = node.unanswered(error.message).message(now: now)
            case nil: if node.isSelf { item.store = storeHere() }
            }
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

    /// Waits until the live nodes have what this one has written until now.
    func converge(limit: Duration) async -> [ClusterConvergence] {
        await store.waitConverged(store.ownStamp, within: min(limit, Self.maximumConvergeLimit)).map { node in
            var item = ClusterConvergence()
            item.node = node.node
            switch node.state {
            case .reached: item.state = "reached"
            case .behind(let stamp):
                item.state = "behind"
                item.reason = stamp == nil ? "it has not reported what it has" : "it does not have it yet"
            case .dead: (item.state, item.reason) = ("dead", "it is dead and gets it when it comes back")
            case .unreachable(let why): (item.state, item.reason) = ("unreachable", why)
            }
            return item
        }
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
