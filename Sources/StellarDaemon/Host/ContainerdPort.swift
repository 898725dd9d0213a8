import StellarAPI
import StellarCore
import StellarRuntime
import SwiftProtobuf

/// containerd, through ``ContainerRuntime``.
struct ContainerdPort: RuntimePort {
    /// The key, and the type of the value, under which a container carries the service it runs (contract 2.1).
    static let serviceExtension = "stellar.io/extensions/Service"
    static let serviceType = "stellar.services.runtime.v1.Service"

    var runtime: ContainerRuntime
    var pullOptions: PullOptions

    func waitForPendingWork() async throws {
        try await runtime.waitForPendingWork()
    }

    func containers() async throws -> [ObservedContainer] {
        let filter = "labels.\"\(ContainerLabels.application)\""
        return try await runtime.containers(filters: [filter]).map(Self.observed)
    }

    func container(_ id: ContainerID) async throws -> ObservedContainer? {
        try await runtime.container(id.description).map(Self.observed)
    }

    func hasImage(_ reference: String, snapshotter: String) async throws -> Bool {
        try await runtime.hasImage(reference, snapshotter: snapshotter) != nil
    }

    func pull(
        _ reference: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws {
        var options = pullOptions
        options.snapshotter = snapshotter
        _ = try await runtime.pull(reference, options: options) { progress(PullStep($0)) }
    }

    func create(_ slot: Slot, files: SlotFiles, namespace: String) async throws {
        let service = try RuntimeService(slot.service).serializedBytes() as [UInt8]
        var labels = ContainerLabels.labels(of: slot.service, app: slot.id.app)
        labels[SpecificationHash.label] = SpecificationHash(of: slot.service).description
        try await runtime.create(
            ContainerSpecification(
                id: slot.id.description,
                image: slot.service.image,
                service: slot.service,
                networkNamespace: namespace,
                hosts: files.hosts,
                resolvConf: files.resolvConf,
                labels: labels,
                extensions: [
                    Self.serviceExtension: ContainerInfo.Document(typeURL: Self.serviceType, value: service)
                ]
            )
        )
    }

    func createTask(_ id: ContainerID, log: String) async throws -> UInt32 {
        try await runtime.createTask(id.description, log: log)
    }

    func startTask(_ id: ContainerID) async throws {
        try await runtime.startTask(id.description)
    }

    func stop(_ id: ContainerID, grace: Duration) async throws -> UInt32? {
        try await runtime.stop(id.description, signal: nil, grace: grace)?.code
    }

    func delete(_ id: String) async throws {
        try await runtime.delete(id)
    }

    func sweep(keeping: Set<String>) async throws -> [String] {
        let leases = try await runtime.removeAbandonedLeases()
        return try await leases.map { "lease \($0)" } + runtime.sweep(keeping: keeping)
    }

    private static func observed(_ container: ContainerInfo) -> ObservedContainer {
        let task = container.task.map { task in
            let status: ObservedTask.Status =
                switch task.status {
                case .created: .created
                case .running: .running
                case .stopped: .stopped
                case .paused: .paused
                default: .unknown
                }
            return ObservedTask(pid: task.pid, status: status, exitStatus: task.exit?.code ?? 0)
        }
        return ObservedContainer(
            id: container.id,
            task: task,
            specification: container.labels[SpecificationHash.label].map { SpecificationHash($0) }
        )
    }
}

extension PullStep {
    init(_ progress: PullProgress) {
        self.init(
            layer: progress.kind == .image ? "" : progress.digest,
            status: Reported(rawValue: progress.state.rawValue),
            offset: progress.offset,
            total: progress.total
        )
    }
}
