import FoundationEssentials
import Logging
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// Stellar's objects in containerd: containers with a label under `stellar.io/`, and the snapshots made for them.
    package func owned() async throws -> (containers: [ContainerInfo], snapshots: [OwnedSnapshot]) {
        async let snapshots = ownedSnapshots()
        let containers = try await containers().filter { Self.isOurs($0.labels) }
        return (containers, try await snapshots)
    }

    /// Removes Stellar's containers and snapshots that are not to be kept, and tasks without a container (a user of
    /// `ctr` can cause these). For the start after a crash: call ``waitForPendingWork()`` first, and create no
    /// container meanwhile.
    ///
    /// Objects of other clients in the namespace stay; the log names them once.
    ///
    /// - Parameter ids: the containers to keep.
    /// - Returns: descriptions of the removed objects, for a log.
    @discardableResult
    public func sweep(keeping ids: Set<String>) async throws -> [String] {
        var removed: [String] = []
        async let ownSnapshots = ownedSnapshots()
        let present = try await containers()
        let snapshots = try await ownSnapshots
        for container in present where Self.isOurs(container.labels) && !ids.contains(container.id) {
            try await delete(container.id)
            removed.append("container \(container.id)")
        }
        let records = Set(present.map(\.id))
        removed += try await sweepTasks(records: records, snapshots: snapshots)
        for snapshot in snapshots where !ids.contains(snapshot.container) && !records.contains(snapshot.container) {
            try await removeSnapshot(snapshot.key, snapshotter: snapshot.snapshotter)
            removed.append("snapshot \(snapshot.key) of \(snapshot.snapshotter)")
        }
        let others = present.filter { !Self.isOurs($0.labels) }.map(\.id)
        if !others.isEmpty { leaveAlone("containers", others) }
        return removed
    }

    /// Removes tasks without a container.
    private func sweepTasks(records: Set<String>, snapshots: [OwnedSnapshot]) async throws -> [String] {
        var removed: [String] = []
        var others: [String] = []
        let marked = Dictionary(snapshots.map { ($0.container, $0) }, uniquingKeysWith: { first, _ in first })
        let tasks = try await taskProcesses()
        let shims = try await shims().filter { !records.contains($0.container) }
        for id in tasks.keys.sorted() where !records.contains(id) {
            let shim = shims.first { $0.container == id }
            let isOurs = if let shim { try await bundle(of: shim) == .ours } else { false }
            guard isOurs || marked[id] != nil else {
                others.append("task \(id)")
                continue
            }
            try await deleteUnrecordedTask(id, runtime: shim?.runtime ?? RuntimeName.runcV2, snapshot: marked[id])
            removed.append("task \(id) without a container")
        }
        others += shims.filter { tasks[$0.container] == nil }.map { "shim \($0.pid) of \($0.container)" }
        if !others.isEmpty { leaveAlone("tasks without a container", others) }
        return removed
    }

    /// Deletes a task without a container: recreates the container record first, as containerd stops and deletes only
    /// tasks that have one.
    private func deleteUnrecordedTask(_ id: String, runtime: String, snapshot: OwnedSnapshot?) async throws {
        var record = ContainerdContainersContainer()
        record.id = id
        record.labels = [Self.containerLabel: id]
        record.runtime.name = runtime
        if let snapshot {
            record.snapshotter = snapshot.snapshotter
            record.snapshotKey = snapshot.key
        }
        // containerd requires a specification.
        record.spec.typeURL = ContainerInfo.specificationTypeURL
        record.spec.value = Data("{}".utf8)
        do {
            try await addRecord(record)
        } catch  where says(error, .alreadyExists) {
            logger.debug("container record exists again", metadata: ["id": "\(id)"])
        }
        try await delete(id)
    }

    /// The log names at most this many.
    private static let maximumNamed = 20

    private func leaveAlone(_ what: String, _ names: [String]) {
        let more = names.count > Self.maximumNamed ? " and \(names.count - Self.maximumNamed) more" : ""
        logger.notice(
            "leaving \(what) of other clients in containerd's namespace \"\(namespace)\"",
            metadata: ["names": "\(names.sorted().prefix(Self.maximumNamed).joined(separator: ", "))\(more)"]
        )
    }
}
