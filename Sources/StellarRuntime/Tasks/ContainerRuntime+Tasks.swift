import FoundationEssentials
import Glibc
import NIOPosix
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// The task of a container; nil if the container has no task.
    func taskProcess(_ id: String) async throws -> ContainerdTaskProcess? {
        var request = ContainerdTasksGetRequest()
        request.containerID = id
        let response: ContainerdTasksGetResponse? = try await ifPresent {
            try await call(TasksMethod.get, request, naming: "task of \"\(id)\"")
        }
        return response?.process
    }

    /// Every task of the namespace, by container.
    func taskProcesses() async throws -> [String: ContainerdTaskProcess] {
        let response: ContainerdTasksListTasksResponse = try await call(
            TasksMethod.list,
            ContainerdTasksListTasksRequest(),
            naming: "tasks"
        )
        // Not every containerd sets `container_id`; the id of a task's first process is the container's.
        return Dictionary(
            response.tasks.map { ($0.containerID.isEmpty ? $0.id : $0.containerID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Starts a container's process and appends its output to a file: ``createTask(_:log:)``, then ``startTask(_:)``.
    ///
    /// - Parameter log: an absolute path, created if missing; the shim appends to it even while the daemon is down.
    /// - Returns: the process id in the node's pid namespace.
    /// - Throws: `RPCError`; notFound if there is no such container.
    @discardableResult
    public func start(_ id: String, log: String) async throws -> UInt32 {
        let pid = try await createTask(id, log: log)
        try await startTask(id)
        return pid
    }

    /// Sets up a container's process without running it: shim, namespaces, mounts and cgroups are made. The network
    /// namespace may still be empty. Safe to repeat; a task that has ended is replaced.
    ///
    /// - Returns: the process id in the node's pid namespace.
    @discardableResult
    public func createTask(_ id: String, log: String) async throws -> UInt32 {
        var request = ContainerdTasksCreateTaskRequest()
        request.containerID = id
        if let mounts = prepared.take(id) {
            request.rootfs = mounts
        } else {
            let record = try await record(id)
            request.rootfs = try await mounts(of: record.snapshotKey, snapshotter: record.snapshotter)
        }
        try await makeLog(log)
        (request.stdout, request.stderr) = Self.outputs(log)
        do {
            return try await requestTask(request)
        } catch  where says(error, .alreadyExists) {
            return try await takeOver(request)
        } catch {
            let message = (error as? RPCError)?.message ?? ""
            guard let bundle = LeftBundle(inError: message, container: id, namespace: namespace) else { throw error }
            guard try await clear(bundle, of: id) else { return try await takeOver(request) }
            return try await requestTask(request)
        }
    }

    /// The existing task, if it has not ended; otherwise a new one in its place.
    private func takeOver(_ request: ContainerdTasksCreateTaskRequest) async throws -> UInt32 {
        guard let present = try await taskProcess(request.containerID) else { return try await requestTask(request) }
        guard present.status == .stopped else { return present.pid }
        _ = try await deleteTask(request.containerID)
        return try await requestTask(request)
    }

    private func requestTask(_ request: ContainerdTasksCreateTaskRequest) async throws -> UInt32 {
        let response: ContainerdTasksCreateTaskResponse = try await call(
            TasksMethod.create,
            request,
            timeout: Self.slowTimeout,
            naming: "container \"\(request.containerID)\""
        )
        return response.pid
    }

    /// Runs the process that ``createTask(_:log:)`` has set up. Safe to repeat.
    ///
    /// - Throws: `RPCError`; notFound without a task; runc's error for a program that cannot run (its task is deleted).
    public func startTask(_ id: String) async throws {
        var request = ContainerdTasksStartRequest()
        request.containerID = id
        do {
            let _: ContainerdTasksStartResponse = try await call(
                TasksMethod.start,
                request,
                timeout: Self.slowTimeout,
                naming: "container \"\(id)\""
            )
        } catch {
            // Started before a crash: it runs, or has ended.
            let status = try? await taskProcess(id)?.status
            if status == .running || status == .paused { return }
            if says(error, .notFound) || says(error, .unavailable) || says(error, .cancelled) { throw error }
            // A task whose program cannot run is useless and blocks the next attempt.
            _ = try? await stop(id, signal: Self.sigkill, grace: .zero)
            throw error
        }
    }

    /// The two names under which a shim appends to one log file.
    ///
    /// With `file://…`, or the same name twice, a shim opens the file once and closes it at the end of standard output:
    /// the rest of standard error, often the reason of a failure, is lost. With two names it opens the file twice.
    static func outputs(_ path: String) -> (stdout: String, stderr: String) {
        (path, "/." + path)
    }

    /// Creates the log file and its folders, which the shim expects to exist.
    private func makeLog(_ path: String) async throws {
        guard path.hasPrefix("/"), !path.contains("%") else {
            throw RPCError(.invalidArgument, "log file \"\(path)\": the path must be absolute, without \"%\"")
        }
        try await NIOThreadPool.singleton.runIfActive {
            let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            if !folder.isEmpty, access(folder, F_OK) != 0 {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, Self.logMode)
            guard descriptor >= 0 else {
                throw RPCError(.failedPrecondition, "log file \"\(path)\": \(String(cString: strerror(errno)))")
            }
            Glibc.close(descriptor)
        }
    }

    /// A service's output is not for every user of the node.
    private static let logMode: mode_t = 0o640
}
