import FoundationEssentials
import Glibc
import NIOPosix
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    /// The task of a container; nil where there is none.
    func taskProcess(_ id: String) async throws -> ContainerdTaskProcess? {
        var question = ContainerdTasksGetRequest()
        question.containerID = id
        let answer: ContainerdTasksGetResponse? = try await ifPresent {
            try await call(TasksMethod.get, question, naming: "task of \"\(id)\"")
        }
        return answer?.process
    }

    /// Every task of the namespace, by container.
    func taskProcesses() async throws -> [String: ContainerdTaskProcess] {
        let answer: ContainerdTasksListTasksResponse = try await call(
            TasksMethod.list,
            ContainerdTasksListTasksRequest(),
            naming: "tasks"
        )
        // Of a task's first process the id is the container's; `container_id` is not filled in by every containerd.
        return Dictionary(
            answer.tasks.map { ($0.containerID.isEmpty ? $0.id : $0.containerID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Starts a container's process, its output appended to a file: ``createTask(_:log:)``, then ``startTask(_:)``.
    ///
    /// - Parameter log: an absolute path, made where missing; the shim appends to it even while the daemon is away.
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
        var question = ContainerdTasksCreateTaskRequest()
        question.containerID = id
        if let mounts = prepared.take(id) {
            question.rootfs = mounts
        } else {
            let record = try await record(id)
            question.rootfs = try await mounts(of: record.snapshotKey, snapshotter: record.snapshotter)
        }
        try await makeLog(log)
        (question.stdout, question.stderr) = Self.outputs(log)
        do {
            return try await requestTask(question)
        } catch  where says(error, .alreadyExists) {
            return try await takeOver(question)
        } catch {
            let message = (error as? RPCError)?.message ?? ""
            guard let bundle = LeftBundle(inError: message, container: id, namespace: namespace) else { throw error }
            guard try await clear(bundle, of: id) else { return try await takeOver(question) }
            return try await requestTask(question)
        }
    }

    /// The task that is there, if it has not ended; otherwise a new one in its place.
    private func takeOver(_ question: ContainerdTasksCreateTaskRequest) async throws -> UInt32 {
        guard let present = try await taskProcess(question.containerID) else { return try await requestTask(question) }
        guard present.status == .stopped else { return present.pid }
        _ = try await deleteTask(question.containerID)
        return try await requestTask(question)
    }

    private func requestTask(_ question: ContainerdTasksCreateTaskRequest) async throws -> UInt32 {
        let answer: ContainerdTasksCreateTaskResponse = try await call(
            TasksMethod.create,
            question,
            timeout: Self.slowTimeout,
            naming: "container \"\(question.containerID)\""
        )
        return answer.pid
    }

    /// Runs the process that ``createTask(_:log:)`` has set up. Safe to repeat.
    ///
    /// - Throws: `RPCError`; notFound without a task; what runc says of a program that cannot run (such a task is deleted).
    public func startTask(_ id: String) async throws {
        var question = ContainerdTasksStartRequest()
        question.containerID = id
        do {
            let _: ContainerdTasksStartResponse = try await call(
                TasksMethod.start,
                question,
                timeout: Self.slowTimeout,
                naming: "container \"\(id)\""
            )
        } catch {
            // Started before a crash: then it runs, or has run.
            let status = try? await taskProcess(id)?.status
            if status == .running || status == .paused { return }
            if says(error, .notFound) || says(error, .unavailable) || says(error, .cancelled) { throw error }
            // A task whose program cannot be run is of no further use, and in the way of the next attempt.
            _ = try? await stop(id, signal: Self.sigkill, grace: .zero)
            throw error
        }
    }

    /// The two names under which a shim appends to one log file.
    ///
    /// A shim that is told `file://…`, or the same name twice, opens the file once and closes it at the end of standard
    /// output: what is left of standard error, often the reason of a failure, is lost. Under two names it opens the file
    /// twice.
    static func outputs(_ path: String) -> (stdout: String, stderr: String) {
        (path, "/." + path)
    }

    /// Makes the log file and its folders, which the shim takes for granted.
    private func makeLog(_ path: String) async throws {
        guard path.hasPrefix("/"), !path.contains("%") else {
            throw RPCError(.invalidArgument, "log file \"\(path)\": the path must be absolute and without \"%\"")
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

    /// What a service prints is not for everyone on the node.
    private static let logMode: mode_t = 0o640
}
