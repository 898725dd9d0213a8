import FoundationEssentials
import Glibc
import Logging
import StellarRPC
import SwiftProtobuf

extension ContainerRuntime {
    static let sigkill = SIGKILL
    /// A killed process that is still there is held by the kernel (a dead network file system); more waiting helps none.
    private static let killTimeout = Duration.seconds(10)

    /// Ends a container's task: the signal, the grace period, SIGKILL to every process, then the task is deleted.
    ///
    /// - Parameters:
    ///   - signal: nil is the image's stop signal, or SIGTERM.
    ///   - grace: how long the process may take; it ends sooner if the process does.
    /// - Returns: how the process ended; nil if there was no task.
    /// - Throws: `RPCError`; deadlineExceeded if SIGKILL does not end it.
    @discardableResult
    public func stop(_ id: String, signal: Int32? = nil, grace: Duration) async throws -> ExitStatus? {
        if let ended = try await stopTask(id, signal: signal, grace: grace) { return ended }
        try await endOrphanedShim(id)
        return nil
    }

    /// ``stop(_:signal:grace:)`` for those who know that no crash came before.
    func stopTask(_ id: String, signal: Int32?, grace: Duration) async throws -> ExitStatus? {
        guard let process = try await taskProcess(id) else { return nil }
        switch process.status {
        case .stopped:
            return try await deleteTask(id)
        case .created:
            // Nothing runs yet that could handle a signal.
            break
        case .paused, .pausing:
            // A frozen process takes no signal, not even SIGKILL under cgroup v1.
            try await resume(id)
            if try await ask(id, signal: signal, grace: grace) { return try await deleteTask(id) }
        default:
            if try await ask(id, signal: signal, grace: grace) { return try await deleteTask(id) }
        }
        try await kill(id, signal: Self.sigkill, all: process.status != .created)
        do {
            _ = try await wait(id, timeout: Self.killTimeout)
        } catch  where says(error, .deadlineExceeded) {
            throw RPCError(
                .deadlineExceeded,
                "container \"\(id)\": process \(process.pid) is still there after SIGKILL; the kernel holds it, see "
                    + "/proc/\(process.pid)/stack"
            )
        }
        return try await deleteTask(id)
    }

    /// Sends the signal and waits for the end, or for the grace period to pass.
    ///
    /// - Returns: whether the process has ended.
    private func ask(_ id: String, signal: Int32?, grace: Duration) async throws -> Bool {
        guard grace > .zero else { return false }
        let number: Int32
        if let signal { number = signal } else { number = try await stopSignal(id) }
        try await kill(id, signal: number, all: false)
        do {
            _ = try await wait(id, timeout: grace)
            return true
        } catch  where says(error, .deadlineExceeded) {
            logger.debug("still runs after its grace period", metadata: ["id": "\(id)", "grace": "\(grace)"])
            return false
        }
    }

    /// The signal that the container's image wants.
    private func stopSignal(_ id: String) async throws -> Int32 {
        let record = try await ifPresent { try await self.record(id) }
        return SignalName.number(record?.labels[Self.stopSignalLabel] ?? "") ?? SIGTERM
    }

    /// Sends a signal to a container's process, or to all of its processes. One that has ended is fine.
    public func kill(_ id: String, signal: Int32, all: Bool = false) async throws {
        var question = ContainerdTasksKillRequest()
        question.containerID = id
        question.signal = UInt32(clamping: signal)
        question.all = all
        do {
            let _: Google_Protobuf_Empty = try await call(
                TasksMethod.kill,
                question,
                timeout: Self.slowTimeout,
                naming: "container \"\(id)\""
            )
        } catch  where says(error, .notFound) {
            logger.trace("nothing to signal", metadata: ["id": "\(id)"])
        }
    }

    private func resume(_ id: String) async throws {
        var question = ContainerdTasksResumeTaskRequest()
        question.containerID = id
        do {
            let _: Google_Protobuf_Empty = try await call(TasksMethod.resume, question, naming: "container \"\(id)\"")
        } catch  where says(error, .notFound) {
            logger.trace("nothing to resume", metadata: ["id": "\(id)"])
        }
    }

    /// Waits for the end of a container's process, also while containerd restarts.
    ///
    /// - Returns: how it ended; nil if there is no task.
    /// - Throws: `RPCError`; deadlineExceeded after `timeout`.
    public func wait(_ id: String, timeout: Duration? = nil) async throws -> ExitStatus? {
        let clock = ContinuousClock()
        let deadline = timeout.map { clock.now + $0 }
        var question = ContainerdTasksWaitRequest()
        question.containerID = id
        var failures = 0
        while true {
            do {
                let answer: ContainerdTasksWaitResponse = try await call(
                    TasksMethod.wait,
                    question,
                    timeout: deadline.map { max(clock.now.duration(to: $0), .milliseconds(1)) },
                    naming: "container \"\(id)\""
                )
                return ExitStatus(code: answer.exitStatus, exitedAt: answer.exitedAt.date)
            } catch  where says(error, .notFound) {
                return nil
            } catch  where Self.isInterruption(error) && failures < Self.maximumReconnects {
                failures += 1
                try await clock.sleep(for: Self.reconnectPause)
            }
        }
    }

    /// Whether containerd went away, or lost its shim because the task was deleted meanwhile: asking again tells which.
    private static func isInterruption(_ error: any Error) -> Bool {
        (error as? RPCError)?.code == .unavailable || isShimGone(error)
    }

    /// A restart of containerd takes a second or two, with many containers more; after half a minute it is down.
    private static let maximumReconnects = 120
    private static let reconnectPause = Duration.milliseconds(250)

    /// Deletes a task that has ended.
    ///
    /// - Returns: how it ended; nil if there was none.
    func deleteTask(_ id: String) async throws -> ExitStatus? {
        var question = ContainerdTasksDeleteTaskRequest()
        question.containerID = id
        var failures = 0
        while true {
            do {
                let answer: ContainerdTasksDeleteResponse = try await call(
                    TasksMethod.delete,
                    question,
                    timeout: Self.slowTimeout,
                    naming: "container \"\(id)\""
                )
                return ExitStatus(code: answer.exitStatus, exitedAt: answer.exitedAt.date)
            } catch  where says(error, .notFound) {
                return nil
            } catch  where Self.isShimGone(error) && failures < Self.maximumRacesLost {
                // Another delete of this task was first; it is about to be notFound.
                failures += 1
                try await ContinuousClock().sleep(for: Self.racePause)
            }
        }
    }

    /// Deletes of one task at once: the shim answers the first and ends, the others lose their connection to it.
    private static func isShimGone(_ error: any Error) -> Bool {
        (error as? RPCError)?.message.contains("ttrpc: closed") == true
    }

    /// The winner needs some ten milliseconds to take the task off the list; two seconds are many of them.
    private static let maximumRacesLost = 40
    private static let racePause = Duration.milliseconds(50)
}
