import FoundationEssentials
import Logging
import StellarRPC
import StellarRPCProtobuf
import StellarSystem
import SwiftProtobuf

/// Turns an image's layers into snapshots named by their chain ids, as containerd's own clients do.
struct Unpacker: Sendable {
    let store: ContentStore
    let snapshotter: String
    /// The image's full name, for messages.
    let name: String

    /// Tries, as other clients may make the same snapshot at the same time.
    private static let attempts = 5

    /// Whether the snapshotter has the committed snapshot `key`. From then on the lease holds it: another pull may have
    /// made it, and removes it when that pull fails.
    func has(_ key: ContentDigest) async throws -> Bool {
        guard try await isThere(key) else { return false }
        guard try await store.hold(snapshot: key, of: snapshotter) else { return true }
        return try await isThere(key)
    }

    private func isThere(_ key: ContentDigest) async throws -> Bool {
        var request = ContainerdSnapshotsStatSnapshotRequest()
        request.snapshotter = snapshotter
        request.key = key.description
        do {
            let response: ContainerdSnapshotsStatSnapshotResponse = try await store.call(
                SnapshotsMethod.stat,
                request,
                naming: "snapshot \(key) of snapshotter \"\(snapshotter)\""
            )
            return response.info.kind == .committed
        } catch  where says(error, .notFound) {
            return false
        } catch let error as RPCError where error.code == .invalidArgument {
            throw RPCError(
                .invalidArgument,
                "containerd has no snapshotter \"\(snapshotter)\"; 'ctr plugins ls' lists the snapshotters"
            )
        }
    }

    /// Unpacks one layer on top of the layers below it.
    ///
    /// - Parameters:
    ///   - chain: the chain ids of this layer and all below it, bottom first.
    ///   - diffID: the digest of the unpacked layer in the configuration.
    func unpack(_ layer: Descriptor, diffID: ContentDigest, chain: ArraySlice<ContentDigest>) async throws {
        guard let target = chain.last else { return }
        let parent = chain.dropLast().last
        try await store.runtime.unpacking.withLock("\(snapshotter) \(target)") {
            for _ in 0..<Self.attempts {
                try Task.checkCancellation()
                if try await has(target) { return }
                if try await make(target, on: parent, from: layer, diffID: diffID) {
                    try await store.setLabels([ContentLabels.uncompressed: diffID.description], on: layer.digest)
                    return
                }
            }
            throw ImageError(
                .unavailable,
                "layer \(layer.digest) of image \(name): another client keeps making and removing its snapshot"
            )
        }
    }

    /// - Returns: false if the snapshotter reports that the target exists.
    private func make(
        _ target: ContentDigest,
        on parent: ContentDigest?,
        from layer: Descriptor,
        diffID: ContentDigest
    ) async throws -> Bool {
        let thing = "layer \(layer.digest) of image \(name)"
        let key = "extract-\(UUID().uuidString.lowercased()) \(target)"
        let labels = [ContentLabels.snapshotReference: target.description]
        var prepare = ContainerdSnapshotsPrepareSnapshotRequest()
        prepare.snapshotter = snapshotter
        prepare.key = key
        prepare.parent = parent?.description ?? ""
        prepare.labels = labels
        let mounts: [ContainerdMount]
        do {
            let response: ContainerdSnapshotsPrepareSnapshotResponse = try await store.call(
                SnapshotsMethod.prepare,
                prepare,
                timeout: ContainerRuntime.slowTimeout,
                naming: thing
            )
            mounts = response.mounts
        } catch  where says(error, .alreadyExists) {
            // A snapshotter that fetches layers itself (stargz) has the target already.
            return false
        }
        do {
            let applied = try await apply(layer, to: mounts, thing: thing)
            guard applied == diffID.description else {
                throw ImageError(
                    .corrupt,
                    "\(thing) is corrupt: the configuration says it unpacks to \(diffID), it is \(applied)"
                )
            }
            var commit = ContainerdSnapshotsCommitSnapshotRequest()
            commit.snapshotter = snapshotter
            commit.name = target.description
            commit.key = key
            commit.labels = labels
            _ = try await store.call(
                SnapshotsMethod.commit,
                commit,
                returning: Google_Protobuf_Empty.self,
                timeout: ContainerRuntime.slowTimeout,
                naming: thing
            )
            return true
        } catch {
            await shielded { await remove(key) }
            // Another client made it first; its snapshot is the same.
            if says(error, .alreadyExists) { return false }
            throw error
        }
    }

    private func apply(_ layer: Descriptor, to mounts: [ContainerdMount], thing: String) async throws -> String {
        var request = ContainerdDiffApplyRequest()
        request.diff = ContainerdDescriptor(layer)
        request.mounts = mounts
        // No deadline: a layer of many gigabytes on a slow disk takes long, and a crash of containerd ends the call.
        let response: ContainerdDiffApplyResponse = try await store.call(
            DiffMethod.apply,
            request,
            timeout: nil,
            naming: thing
        )
        return response.applied.digest
    }

    private func remove(_ key: String) async {
        var request = ContainerdSnapshotsRemoveSnapshotRequest()
        request.snapshotter = snapshotter
        request.key = key
        do {
            _ = try await store.call(
                SnapshotsMethod.remove,
                request,
                returning: Google_Protobuf_Empty.self,
                naming: "snapshot \(key)"
            )
        } catch  where says(error, .notFound) {
        } catch {
            store.runtime.logger.warning("\(error); it is collected with its lease")
        }
    }
}

extension ContainerdDescriptor {
    init(_ descriptor: Descriptor) {
        self.init()
        mediaType = descriptor.mediaType
        digest = descriptor.digest.description
        size = descriptor.size
    }
}
