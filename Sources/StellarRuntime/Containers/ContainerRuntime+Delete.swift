import Logging
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// Removes a container: kills its task, then removes the task, the snapshot and the record, in this order: after a
    /// crash in between, the record still leads to the rest. A missing part is no error.
    public func delete(_ id: String) async throws {
        _ = prepared.take(id)
        async let ended: ExitStatus? = stopTask(id, signal: Self.sigkill, grace: .zero)
        let present = try await ifPresent { try await record(id) }
        _ = try await ended
        if let present, !present.snapshotter.isEmpty {
            let key = present.snapshotKey.isEmpty ? id : present.snapshotKey
            try await removeSnapshot(key, snapshotter: present.snapshotter)
        } else {
            for left in try await ownedSnapshots() where left.container == id {
                try await removeSnapshot(left.key, snapshotter: left.snapshotter)
            }
        }
        guard present != nil else { return }
        var request = ContainerdContainersDeleteContainerRequest()
        request.id = id
        do {
            let _: Google_Protobuf_Empty = try await call(
                ContainersMethod.delete,
                request,
                naming: "container \"\(id)\""
            )
        } catch  where says(error, .notFound) {
            logger.trace("record already deleted", metadata: ["id": "\(id)"])
        }
    }
}
