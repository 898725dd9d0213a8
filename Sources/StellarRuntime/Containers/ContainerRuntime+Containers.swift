import FoundationEssentials
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// The containers of the namespace with their tasks, by id.
    ///
    /// - Parameter filters: containerd filters, or-ed: `labels."stellar.io/application"=="example"`; none is all.
    /// - Throws: `RPCError`; `invalidArgument` for a filter that containerd cannot parse.
    public func containers(filters: [String] = []) async throws -> [ContainerInfo] {
        var request = ContainerdContainersListContainersRequest()
        request.filters = filters
        let filtered = request
        async let list: ContainerdContainersListContainersResponse = call(
            ContainersMethod.list,
            filtered,
            naming: "containers"
        )
        let processes = try await taskProcesses()
        return try await list.containers.map { ContainerInfo($0, task: processes[$0.id]) }.sorted { $0.id < $1.id }
    }

    /// A container with its task; nil if no container has that id.
    public func container(_ id: String) async throws -> ContainerInfo? {
        async let process = taskProcess(id)
        guard let record = try await ifPresent({ try await self.record(id) }) else { return nil }
        return ContainerInfo(record, task: try await process)
    }

    /// The record of a container.
    ///
    /// - Throws: `RPCError`, notFound naming the container.
    func record(_ id: String) async throws -> ContainerdContainersContainer {
        var request = ContainerdContainersGetContainerRequest()
        request.id = id
        let response: ContainerdContainersGetContainerResponse = try await call(
            ContainersMethod.get,
            request,
            naming: "container \"\(id)\""
        )
        return response.container
    }
}

extension ContainerInfo {
    init(_ record: ContainerdContainersContainer, task: ContainerdTaskProcess?) {
        self.init(
            id: record.id,
            image: record.image,
            labels: record.labels,
            specification: Document(record.spec),
            snapshotter: record.snapshotter,
            snapshotKey: record.snapshotKey,
            runtime: record.runtime.name,
            extensions: record.extensions.mapValues(Document.init),
            created: record.createdAt.date,
            task: task.map(Task.init)
        )
    }
}

extension ContainerInfo.Document {
    init(_ any: Google_Protobuf_Any) {
        self.init(typeURL: any.typeURL, value: Array(any.value))
    }

    var any: Google_Protobuf_Any {
        var any = Google_Protobuf_Any()
        any.typeURL = typeURL
        any.value = Data(value)
        return any
    }
}

extension ContainerInfo.Task {
    init(_ process: ContainerdTaskProcess) {
        let status: Status =
            switch process.status {
            case .created: .created
            case .running: .running
            case .stopped: .stopped
            case .paused, .pausing: .paused
            case .unknown, .UNRECOGNIZED: .unknown
            }
        self.init(
            pid: status == .stopped ? 0 : process.pid,
            status: status,
            exit: status == .stopped
                ? ExitStatus(code: process.exitStatus, exitedAt: process.exitedAt.date) : nil
        )
    }
}
