import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// A container's snapshot that we made.
package struct OwnedSnapshot: Sendable, Hashable {
    package var snapshotter: String
    package var key: String
    /// The container it was made for.
    package var container: String
}

extension ContainerRuntime {
    /// On every snapshot we make: the id of its container. By it we find what a crash left behind.
    static let containerLabel = "stellar.io/container"
    /// Keeps the garbage collector away while no container record refers to the snapshot yet. A lease would do the same
    /// with two calls more; the value is not read.
    private static let rootLabel = "containerd.io/gc.root"

    /// A writable snapshot for a container on an image's layers. Safe to repeat; a snapshot of other layers is replaced.
    ///
    /// - Parameter parent: the chain id of the image; empty for no layers.
    /// - Returns: what to mount.
    func prepareSnapshot(
        _ id: String,
        on parent: String,
        snapshotter: String,
        image: String
    ) async throws
        -> [ContainerdMount]
    {
        var question = ContainerdSnapshotsPrepareSnapshotRequest()
        question.snapshotter = snapshotter
        question.key = id
        question.parent = parent
        question.labels = [Self.containerLabel: id, Self.rootLabel: "stellar"]
        do {
            return try await prepare(question)
        } catch  where says(error, .alreadyExists) {
            if try await snapshotParent(id, snapshotter: snapshotter) == parent {
                return try await mounts(of: id, snapshotter: snapshotter)
            }
            try await removeSnapshot(id, snapshotter: snapshotter)
            return try await prepare(question)
        } catch  where says(error, .notFound) {
            throw RPCError(
                .failedPrecondition,
                "image \"\(image)\" is not unpacked for snapshotter \"\(snapshotter)\": pull it with this snapshotter"
            )
        } catch  where says(error, .invalidArgument) {
            throw RPCError(
                .invalidArgument,
                "snapshotter \"\(snapshotter)\" is not one of this containerd; `ctr plugins ls` lists them"
            )
        }
    }

    private func prepare(_ question: ContainerdSnapshotsPrepareSnapshotRequest) async throws -> [ContainerdMount] {
        let answer: ContainerdSnapshotsPrepareSnapshotResponse = try await call(
            SnapshotsMethod.prepare,
            question,
            timeout: Self.slowTimeout,
            naming: "snapshot \"\(question.key)\""
        )
        return answer.mounts
    }

    private func snapshotParent(_ id: String, snapshotter: String) async throws -> String {
        var question = ContainerdSnapshotsStatSnapshotRequest()
        question.snapshotter = snapshotter
        question.key = id
        let answer: ContainerdSnapshotsStatSnapshotResponse = try await call(
            SnapshotsMethod.stat,
            question,
            naming: "snapshot \"\(id)\""
        )
        return answer.info.parent
    }

    /// What to mount for a container's root.
    func mounts(of key: String, snapshotter: String) async throws -> [ContainerdMount] {
        var question = ContainerdSnapshotsMountsRequest()
        question.snapshotter = snapshotter
        question.key = key
        let answer: ContainerdSnapshotsMountsResponse = try await call(
            SnapshotsMethod.mounts,
            question,
            naming: "snapshot \"\(key)\""
        )
        return answer.mounts
    }

    /// Removes a snapshot; one that is not there, nor its snapshotter, is fine.
    func removeSnapshot(_ key: String, snapshotter: String) async throws {
        var question = ContainerdSnapshotsRemoveSnapshotRequest()
        question.snapshotter = snapshotter
        question.key = key
        do {
            let _: Google_Protobuf_Empty = try await call(
                SnapshotsMethod.remove,
                question,
                timeout: Self.slowTimeout,
                naming: "snapshot \"\(key)\""
            )
        } catch  where says(error, .notFound) || says(error, .invalidArgument) {
            logger.trace("no snapshot to remove", metadata: ["key": "\(key)", "snapshotter": "\(snapshotter)"])
        }
    }

    /// The snapshots that we made, of every snapshotter.
    package func ownedSnapshots() async throws -> [OwnedSnapshot] {
        var owned: [OwnedSnapshot] = []
        for snapshotter in try await snapshotters() {
            var question = ContainerdSnapshotsListSnapshotsRequest()
            question.snapshotter = snapshotter
            question.filters = ["labels.\"\(Self.containerLabel)\""]
            do {
                owned += try await client.serverStreaming(
                    SnapshotsMethod.list,
                    question,
                    returning: ContainerdSnapshotsListSnapshotsResponse.self,
                    options: options(timeout: Self.slowTimeout)
                ) { answers in
                    var found: [OwnedSnapshot] = []
                    for try await answer in answers {
                        for info in answer.info {
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

    /// The plugins of containerd that a filter lets through, those that failed to load too.
    func plugins(filter: String) async throws -> [ContainerdIntrospectionPlugin] {
        var question = ContainerdIntrospectionPluginsRequest()
        question.filters = [filter]
        let answer: ContainerdIntrospectionPluginsResponse = try await call(.plugins, question, naming: "plugins")
        return answer.plugins
    }
}
