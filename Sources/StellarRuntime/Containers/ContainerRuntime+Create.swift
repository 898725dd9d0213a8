import FoundationEssentials
import Logging
import NIOPosix
import StellarCore
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// Makes a container that ``start(_:log:)`` can start: its snapshot and its record. The image must be pulled and
    /// unpacked for the service's snapshotter.
    ///
    /// Safe to repeat: an existing Stellar container with this id stays as it is. After a crash in the middle,
    /// repeating completes it and ``delete(_:)`` undoes it.
    ///
    /// - Throws: `RPCError`: notFound (image), failedPrecondition (image not unpacked, no such user, no program to run,
    ///   a capability that the node lacks), alreadyExists (a container with this id that is not Stellar's).
    public func create(_ specification: ContainerSpecification) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let id = specification.id
        let service = specification.service
        async let runtime = runtimeName(service.runtime)
        let image = try await imageConfiguration(specification.image)
        let configured = clock.now

        let parent = image.chainID?.description ?? ""
        async let snapshot = prepareSnapshot(
            id,
            on: parent,
            snapshotter: service.snapshotter,
            image: specification.image
        )
        var user: ImageUser?
        if !ImageUser.needsFiles(service.process) {
            user = try specified(specification) { () throws(SpecError) in try ImageUser.resolve(service.process) }
        }
        // The snapshot comes before the record: a record alone would hide that the snapshot is missing.
        let mounts = try await snapshot
        let prepared = clock.now
        do {
            let owner = if let user { user } else { try await lookUp(service, in: mounts) }
            var record = ContainerdContainersContainer()
            record.id = id
            record.image = specification.image
            record.labels = specification.labels
            record.labels[Self.stopSignalLabel] = image.stopSignal
            record.runtime.name = try await runtime
            record.spec = try await encodedSpecification(specification, image: image, user: owner).any
            record.snapshotter = service.snapshotter
            record.snapshotKey = id
            record.extensions = specification.extensions.mapValues(\.any)
            try await createRecord(record)
        } catch {
            await removeUnrecorded(id, snapshotter: service.snapshotter)
            throw error
        }
        self.prepared.keep(mounts, for: id)
        logger.debug(
            "container created",
            metadata: [
                "id": "\(id)", "image": "\(begin.duration(to: configured))",
                "snapshot": "\(configured.duration(to: prepared))", "record": "\(prepared.duration(to: clock.now))",
            ]
        )
    }

    /// Removes the snapshot of a container that could not be made, unless a container of an earlier create uses it.
    private func removeUnrecorded(_ id: String, snapshotter: String) async {
        do {
            _ = try await record(id)
        } catch  where says(error, .notFound) {
            try? await removeSnapshot(id, snapshotter: snapshotter)
        } catch {
            // Left for `sweep`: containerd is unreachable.
            logger.debug("snapshot left behind", metadata: ["id": "\(id)", "error": "\(error)"])
        }
    }

    /// containerd's own label: `ctr` follows it too.
    static let stopSignalLabel = "io.containerd.image.config.stop-signal"

    /// Writes a record; an existing record of Stellar's stays.
    private func createRecord(_ record: ContainerdContainersContainer) async throws {
        do {
            try await addRecord(record)
        } catch  where says(error, .alreadyExists) {
            let present = try await self.record(record.id)
            guard Self.isOurs(present.labels) else {
                throw RPCError(
                    .alreadyExists,
                    "container \"\(record.id)\" exists in containerd's namespace \"\(namespace)\" and is not Stellar's: "
                        + "choose another name, or delete it with ctr -n \(namespace) containers delete \(record.id)"
                )
            }
        }
    }

    /// - Throws: `RPCError`, alreadyExists where any container has this id.
    func addRecord(_ record: ContainerdContainersContainer) async throws {
        var request = ContainerdContainersCreateContainerRequest()
        request.container = record
        let _: ContainerdContainersCreateContainerResponse = try await call(
            ContainersMethod.create,
            request,
            naming: "container \"\(record.id)\""
        )
    }

    /// Whether the labels mark a container that Stellar made.
    static func isOurs(_ labels: [String: String]) -> Bool {
        labels.keys.contains { $0.hasPrefix("stellar.io/") }
    }

    /// Looks up the service's user in the image's files.
    private func lookUp(_ service: Service, in mounts: [ContainerdMount]) async throws -> ImageUser {
        guard let root = LayeredRoot(mounts: mounts) else {
            // Numeric ids need no file.
            let kind = mounts.first?.type ?? "unknown"
            do {
                return try ImageUser.resolve(service.process)
            } catch {
                throw RPCError(
                    .failedPrecondition,
                    "service \"\(service.name)\": cannot look up users in snapshotter \"\(service.snapshotter)\" "
                        + "(mounts of type \"\(kind)\"): set uid and gid as numbers"
                )
            }
        }
        let (passwd, group) = try await NIOThreadPool.singleton.runIfActive {
            (try root.contents("/etc/passwd"), try root.contents("/etc/group"))
        }
        do {
            return try ImageUser.resolve(service.process, passwd: passwd, group: group)
        } catch {
            throw RPCError(.failedPrecondition, "service \"\(service.name)\": \(error)")
        }
    }

    private func specified<Value>(
        _ specification: ContainerSpecification,
        _ body: () throws(SpecError) -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch {
            throw RPCError(.failedPrecondition, "container \"\(specification.id)\": \(error)")
        }
    }

    /// The OCI specification in its stored form. Creates missing source folders of bind mounts.
    private func encodedSpecification(
        _ specification: ContainerSpecification,
        image: ImageConfiguration,
        user: ImageUser
    ) async throws -> ContainerInfo.Document {
        let service = specification.service
        let touchesHost = service.privileged || service.mounts.contains { $0.type == "bind" }
        let devices =
            touchesHost
            ? try await NIOThreadPool.singleton.runIfActive { () throws -> [OCISpecification.Device] in
                try self.specified(specification) { () throws(SpecError) in
                    try BindSources.prepare(service.mounts, owner: user)
                }
                return service.privileged ? OCISpecification.Device.ofThisNode() : []
            } : []
        let input = SpecInput(
            id: specification.id,
            namespace: namespace,
            service: service,
            image: image,
            user: user,
            networkNamespace: specification.networkNamespace,
            hostsFile: specification.hosts,
            resolvConf: specification.resolvConf,
            host: host,
            hostDevices: devices
        )
        var made = try specified(specification) { () throws(SpecError) in try OCISpecification.make(input) }
        made.hostname = specification.hostname
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ContainerInfo.Document(
            typeURL: ContainerInfo.specificationTypeURL,
            value: Array(try encoder.encode(made))
        )
    }
}
