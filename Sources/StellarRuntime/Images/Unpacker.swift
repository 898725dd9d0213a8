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

    /// Others may make the same snapshot at the same time: so often is looked again.
    private static let attempts = 5

    /// Whether the snapshotter has the committed snapshot `key`. From then on the lease holds it: it may have been made by
    /// another pull, which takes away what it has made when it fails.
    func has(_ key: ContentDigest) async throws -> Bool {
        guard try await isThere(key) else { return false }
        guard try await store.hold(snapshot: key, of: snapshotter) else { return true }
        return try await isThere(key)
    }

    private func isThere(_ key: ContentDigest) async throws -> Bool {
        var question = ContainerdSnapshotsStatSnapshotRequest()
        question.snapshotter = snapshotter
        question.key = key.description
        do {
            let answer: ContainerdSnapshotsStatSnapshotResponse = try await store.call(
                SnapshotsMethod.stat,
                question,
                naming: "snapshot \(key) of snapshotter \"\(snapshotter)\""
            )
            return answer.info.kind == .committed
        } catch  where says(error, .notFound) {
            return false
        } catch let error as RPCError where error.code == .invalidArgument {
            throw RPCError(
                .invalidArgument,
                "containerd has no snapshotter \"\(snapshotter)\"; 'ctr plugins ls' lists those there are"
            )
        }
    }

    /// Unpacks one layer on those below it.
    ///
    /// - Parameters:
    ///   - chain: the chain ids of this layer and all below it, bottom first.
    ///   - diffID: what the configuration says of the unpacked layer.
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

    /// - Returns: false where the snapshotter says that the target is there already.
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
            let answer: ContainerdSnapshotsPrepareSnapshotResponse = try await store.call(
                SnapshotsMethod.prepare,
                prepare,
                timeout: ContainerRuntime.slowTimeout,
                naming: thing
            )
            mounts = answer.mounts
        } catch  where says(error, .alreadyExists) {
            // A snapshotter that fetches layers itself (stargz) has it under the target's name now.
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
            // Another client was faster: what it made is as good.
            if says(error, .alreadyExists) { return false }
            throw error
        }
    }

    private func apply(_ layer: Descriptor, to mounts: [ContainerdMount], thing: String) async throws -> String {
        var question = ContainerdDiffApplyRequest()
        question.diff = ContainerdDescriptor(layer)
        question.mounts = mounts
        // Without a deadline: a layer of many gigabytes on a slow disk takes its time, and containerd's death is seen.
        let answer: ContainerdDiffApplyResponse = try await store.call(
            DiffMethod.apply,
            question,
            timeout: nil,
            naming: thing
        )
        return answer.applied.digest
    }

    private func remove(_ key: String) async {
        var question = ContainerdSnapshotsRemoveSnapshotRequest()
        question.snapshotter = snapshotter
        question.key = key
        do {
            _ = try await store.call(
                SnapshotsMethod.remove,
                question,
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
