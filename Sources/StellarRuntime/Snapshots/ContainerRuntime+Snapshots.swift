import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// A container's snapshot that Stellar made.
package struct OwnedSnapshot: Sendable, Hashable {
    package var snapshotter: String
    package var key: String
    /// The container it was made for.
    package var container: String
}

extension ContainerRuntime {
    /// On every snapshot of Stellar's: the id of its container. It finds snapshots that a crash left behind.
    static let containerLabel = "stellar.io/container"
    /// Keeps the snapshot from the garbage collector before a container record refers to it. A lease would need two
    /// more calls; the value is ignored.
    private static let rootLabel = "containerd.io/gc.root"

    /// Makes a writable snapshot for a container on an image's layers. Safe to repeat; replaces a snapshot of other
    /// layers.
    ///
    /// - Parameter parent: the chain id of the image; empty for no layers.
    /// - Returns: its mounts.
    func prepareSnapshot(
        _ id: String,
        on parent: String,
        snapshotter: String,
        image: String
    ) async throws
        -> [ContainerdMount]
    {
        var request = ContainerdSnapshotsPrepareSnapshotRequest()
        request.snapshotter = snapshotter
        request.key = id
        request.parent = parent
        request.labels = [Self.containerLabel: id, Self.rootLabel: "stellar"]
        do {
            return try await prepare(request)
        } catch  where says(error, .alreadyExists) {
            if try await snapshotParent(id, snapshotter: snapshotter) == parent {
                return try await mounts(of: id, snapshotter: snapshotter)
            }
            try await removeSnapshot(id, snapshotter: snapshotter)
            return try await prepare(request)
        } catch  where says(error, .notFound) {
            throw RPCError(
                .failedPrecondition,
                "image \"\(image)\" is not unpacked for snapshotter \"\(snapshotter)\": pull it with this snapshotter"
            )
        } catch  where says(error, .invalidArgument) {
            throw RPCError(
                .invalidArgument,
                "containerd has no snapshotter \"\(snapshotter)\"; `ctr plugins ls` lists its snapshotters"
            )
        }
    }

    private func prepare(_ request: ContainerdSnapshotsPrepareSnapshotRequest) async throws -> [ContainerdMount] {
        let response: ContainerdSnapshotsPrepareSnapshotResponse = try await call(
            SnapshotsMethod.prepare,
            request,
            timeout: Self.slowTimeout,
            naming: "snapshot \"\(request.key)\""
        )
        return response.mounts
    }

    private func snapshotParent(_ id: String, snapshotter: String) async throws -> String {
        var request = ContainerdSnapshotsStatSnapshotRequest()
        request.snapshotter = snapshotter
        request.key = id
        let response: ContainerdSnapshotsStatSnapshotResponse = try await call(
            SnapshotsMethod.stat,
            request,
            naming: "snapshot \"\(id)\""
        )
        return response.info.parent
    }

    /// The mounts of a container's root file system.
    func mounts(of key: String, snapshotter: String) async throws -> [ContainerdMount] {
        var request = ContainerdSnapshotsMountsRequest()
        request.snapshotter = snapshotter
        request.key = key
        let response: ContainerdSnapshotsMountsResponse = try await call(
            SnapshotsMethod.mounts,
            request,
            naming: "snapshot \"\(key)\""
        )
        return response.mounts
    }

    /// Removes a snapshot; a missing snapshot or snapshotter is no error.
    func removeSnapshot(_ key: String, snapshotter: String) async throws {
        var request = ContainerdSnapshotsRemoveSnapshotRequest()
        request.snapshotter = snapshotter
        request.key = key
        do {
            let _: Google_Protobuf_Empty = try await call(
                SnapshotsMethod.remove,
                request,
                timeout: Self.slowTimeout,
                naming: "snapshot \"\(key)\""
            )
        } catch  where says(error, .notFound) || says(error, .invalidArgument) {
            logger.trace("no snapshot to remove", metadata: ["key": "\(key)", "snapshotter": "\(snapshotter)"])
        }
    }

    /// The snapshots that Stellar made, of every snapshotter.
    package func ownedSnapshots() async throws -> [OwnedSnapshot] {
        var owned: [OwnedSnapshot] = []
        for snapshotter in try await snapshotters() {
            var request = ContainerdSnapshotsListSnapshotsRequest()
            request.snapshotter = snapshotter
            request.filters = ["labels.\"\(Self.containerLabel)\""]
            do {
                owned += try await client.serverStreaming(
                    SnapshotsMethod.list,
                    request,
                    returning: ContainerdSnapshotsListSnapshotsResponse.self,
                    options: options(timeout: Self.slowTimeout)
                ) { responses in
                    var found: [OwnedSnapshot] = []
                    for try await response in responses {
                        for info in response.info {
                            guard let container = info.labels[Self.containerLabel] else { continue }
                            found.append(
                                OwnedSnapshot(snapshotter: snapshotter, key: info.name, container: container)
                            )
                        }
                    }
                    return found
                }
            } catch {
                throw explained(error, about: "snapshots of \"\(snapshotter)\"")
            }
        }
        return owned.sorted { ($0.snapshotter, $0.key) < ($1.snapshotter, $1.key) }
    }

    private func snapshotters() async throws -> [String] {
        try await plugins(filter: "type==io.containerd.snapshotter.v1").filter { !$0.hasInitErr }.map(\.id)
    }

    /// The plugins of containerd that match a filter, including those that failed to load.
    func plugins(filter: String) async throws -> [ContainerdIntrospectionPlugin] {
        var request = ContainerdIntrospectionPluginsRequest()
        request.filters = [filter]
        let response: ContainerdIntrospectionPluginsResponse = try await call(.plugins, request, naming: "plugins")
        return response.plugins
    }
}
