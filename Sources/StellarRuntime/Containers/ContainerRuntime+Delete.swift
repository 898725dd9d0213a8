import Logging
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// Removes a container: kills its task, then removes the task, the snapshot and the record, in this order, so that a
    /// crash in between leaves the record to find the rest by. What is missing is fine.
    public func delete(_ id: String) async throws {
        _ = prepared.take(id)
        async let ended: ExitStatus? = stopTask(id, signal: Self.sigkill, grace: .zero)
        var snapshotter = ""
        var key = id
        do {
            let record = try await record(id)
            snapshotter = record.snapshotter
            if !record.snapshotKey.isEmpty { key = record.snapshotKey }
        } catch  where says(error, .notFound) {
            logger.trace("no record to delete", metadata: ["id": "\(id)"])
        }
        _ = try await ended
        if snapshotter.isEmpty {
            for left in try await ownedSnapshots() where left.container == id {
                try await removeSnapshot(left.key, snapshotter: left.snapshotter)
            }
            return
        }
        try await removeSnapshot(key, snapshotter: snapshotter)
        var question = ContainerdContainersDeleteContainerRequest()
        question.id = id
        do {
            let _: Google_Protobuf_Empty = try await call(
                ContainersMethod.delete,
                question,
                naming: "container \"\(id)\""
            )
        } catch  where says(error, .notFound) {
            logger.trace("the record is already deleted", metadata: ["id": "\(id)"])
        }
    }

    /// What is ours in containerd: containers with a label under `stellar.io/`, and the snapshots made for them.
    package func owned() async throws -> (containers: [ContainerInfo], snapshots: [OwnedSnapshot]) {
        async let snapshots = ownedSnapshots()
        let containers = try await containers().filter { Self.isOurs($0.labels) }
        return (containers, try await snapshots)
    }

    /// Removes what is ours and belongs to no container that should be: for the start after a crash. Nobody may be
    /// creating meanwhile.
    ///
    /// - Parameter ids: the containers that should be.
    /// - Returns: what was removed, in words for a log.
    @discardableResult
    public func sweep(keeping ids: Set<String>) async throws -> [String] {
        var removed: [String] = []
        let found = try await owned()
        for container in found.containers where !ids.contains(container.id) {
            try await delete(container.id)
            removed.append("container \(container.id)")
        }
        let gone = Set(found.containers.map(\.id)).subtracting(ids)
        for snapshot in found.snapshots where !ids.contains(snapshot.container) && !gone.contains(snapshot.container) {
            try await removeSnapshot(snapshot.key, snapshotter: snapshot.snapshotter)
            removed.append("snapshot \(snapshot.key) of \(snapshot.snapshotter)")
        }
        return removed
    }
}
