import FoundationEssentials
import Glibc
import Logging
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    static let sigkill = SIGKILL
    /// The kernel holds a process that survives SIGKILL for this long (a dead network file system); a longer wait does
    /// not help.
    private static let killTimeout = Duration.seconds(10)

    /// Stops a container's task: sends the signal, waits for the grace period, sends SIGKILL to every process, deletes
    /// the task.
    ///
    /// - Parameters:
    ///   - signal: nil is the image's stop signal, or SIGTERM.
    ///   - grace: the longest wait for the process to end.
    /// - Returns: the process's exit status; nil if there was no task.
    /// - Throws: `RPCError`; deadlineExceeded if SIGKILL does not end it.
    @discardableResult
    public func stop(_ id: String, signal: Int32? = nil, grace: Duration) async throws -> ExitStatus? {
        if let ended = try await stopTask(id, signal: signal, grace: grace) { return ended }
        try await endOrphanedShim(id)
        return nil
    }

    /// ``stop(_:signal:grace:)`` without repairs after a crash.
    func stopTask(_ id: String, signal: Int32?, grace: Duration) async throws -> ExitStatus? {
        guard let process = try await taskProcess(id) else { return nil }
        switch process.status {
        case .stopped:
            return try await deleteTask(id)
        case .created:
            // The process has not started, so it cannot handle a signal.
            break
        case .paused, .pausing:
            // A frozen process takes no signal, not even SIGKILL under cgroup v1.
            try await resume(id)
            if try await signalAndWait(id, signal: signal, grace: grace) { return try await deleteTask(id) }
        default:
            if try await signalAndWait(id, signal: signal, grace: grace) { return try await deleteTask(id) }
        }
        try await kill(id, signal: Self.sigkill, all: process.status != .created)
        do {
            _ = try await wait(id, timeout: Self.killTimeout)
        } catch  where says(error, .deadlineExceeded) {
            throw RPCError(
                .deadlineExceeded,
                "container \"\(id)\": process \(process.pid) still exists after SIGKILL; the kernel holds it, see "
                    + "/proc/\(process.pid)/stack"
            )
        }
        return try await deleteTask(id)
    }

    /// Sends the signal and waits for the process's end, at most the grace period.
    ///
    /// - Returns: whether the process has ended.
    private func signalAndWait(_ id: String, signal: Int32?, grace: Duration) async throws -> Bool {
        guard grace > .zero else { return false }
        let number: Int32
        if let signal { number = signal } else { number = try await stopSignal(id) }
        try await kill(id, signal: number, all: false)
        do {
            _ = try await wait(id, timeout: grace)
            return true
        } catch  where says(error, .deadlineExceeded) {
            logger.debug("container still runs after its grace period", metadata: ["id": "\(id)", "grace": "\(grace)"])
            return false
        }
    }

    /// The stop signal of the container's image.
    private func stopSignal(_ id: String) async throws -> Int32 {
        let record = try await ifPresent { try await self.record(id) }
        return SignalName.number(record?.labels[Self.stopSignalLabel] ?? "") ?? SIGTERM
    }

    /// Sends a signal to a container's process, or to all of its processes. A process that has ended is no error.
    public func kill(_ id: String, signal: Int32, all: Bool = false) async throws {
        var request = ContainerdTasksKillRequest()
        request.containerID = id
        request.signal = UInt32(clamping: signal)
        request.all = all
        do {
            let _: Google_Protobuf_Empty = try await call(
                TasksMethod.kill,
                request,
                timeout: Self.slowTimeout,
                naming: "container \"\(id)\""
            )
        } catch  where says(error, .notFound) {
            logger.trace("no process to signal", metadata: ["id": "\(id)"])
        }
    }

    private func resume(_ id: String) async throws {
        var request = ContainerdTasksResumeTaskRequest()
        request.containerID = id
        do {
            let _: Google_Protobuf_Empty = try await call(TasksMethod.resume, request, naming: "container \"\(id)\"")
        } catch  where says(error, .notFound) {
            logger.trace("no process to resume", metadata: ["id": "\(id)"])
        }
    }

    /// Waits for the end of a container's process, also across restarts of containerd.
    ///
    /// - Returns: its exit status; nil if there is no task.
    /// - Throws: `RPCError`; deadlineExceeded after `timeout`.
    public func wait(_ id: String, timeout: Duration? = nil) async throws -> ExitStatus? {
        let clock = ContinuousClock()
        let deadline = timeout.map { clock.now + $0 }
        var request = ContainerdTasksWaitRequest()
        request.containerID = id
        var failures = 0
        while true {
            do {
                let response: ContainerdTasksWaitResponse = try await call(
                    TasksMethod.wait,
                    request,
                    timeout: deadline.map { max(clock.now.duration(to: $0), .milliseconds(1)) },
                    naming: "container \"\(id)\""
                )
                return ExitStatus(code: response.exitStatus, exitedAt: response.exitedAt.date)
            } catch  where says(error, .notFound) {
                return nil
            } catch  where Self.isInterruption(error) && failures < Self.maximumReconnects {
                failures += 1
                try await clock.sleep(for: Self.reconnectPause)
            }
        }
    }

    /// Whether the connection to containerd broke, or containerd lost the shim because the task was deleted meanwhile;
    /// a retry shows which.
    private static func isInterruption(_ error: any Error) -> Bool {
        (error as? RPCError)?.code == .unavailable || isShimGone(error)
    }

    /// Half a minute in all. A restart of containerd takes a second or two, longer with many containers.
    private static let maximumReconnects = 120
    private static let reconnectPause = Duration.milliseconds(250)

    /// Deletes a task that has ended.
    ///
    /// - Returns: its exit status; nil if there was none.
    func deleteTask(_ id: String) async throws -> ExitStatus? {
        var request = ContainerdTasksDeleteTaskRequest()
        request.containerID = id
        var failures = 0
        while true {
            do {
                let response: ContainerdTasksDeleteResponse = try await call(
                    TasksMethod.delete,
                    request,
                    timeout: Self.slowTimeout,
                    naming: "container \"\(id)\""
                )
                return ExitStatus(code: response.exitStatus, exitedAt: response.exitedAt.date)
            } catch  where says(error, .notFound) {
                return nil
            } catch  where Self.isShimGone(error) && failures < Self.maximumRacesLost {
                // Another delete of this task was first; the retry gets notFound.
                failures += 1
                try await ContinuousClock().sleep(for: Self.racePause)
            }
        }
    }

    /// Whether the shim ended. With concurrent deletes of one task it responds to the first and ends; the others lose
    /// their connection.
    private static func isShimGone(_ error: any Error) -> Bool {
        (error as? RPCError)?.message.contains("ttrpc: closed") == true
    }

    /// Two seconds in all; the first delete needs some ten milliseconds to remove the task from the list.
    private static let maximumRacesLost = 40
    private static let racePause = Duration.milliseconds(50)
}
