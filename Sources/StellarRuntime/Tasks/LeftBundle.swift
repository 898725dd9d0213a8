import CStellarLinux
import FoundationEssentials
import Glibc
import Logging
import NIOPosix
import StellarRPC
import StellarSystem

/// A bundle without a task: the folder of a task that has been removed.
///
/// containerd makes the folder with the task and removes it with the task, by renaming it to a hidden name first. If
/// that fails, the folder or the hidden one stays, and the hidden one blocks the next removal. It fails if containerd
/// is killed in between, or if another client deletes and makes tasks of the same container concurrently, as
/// containerd's own restart monitor does. From then on every create of the container's task fails: `mkdir …: file
/// exists`. containerd 1.6 recovers from the folder at its restart, and never from the hidden folder.
struct LeftBundle: Hashable {
    /// The folder, `<state>/io.containerd.runtime.v2.task/<namespace>/<container>`.
    let path: String
    private let container: String
    private let namespace: String

    /// The bundle that an error of containerd names; nil for any other error.
    init?(inError message: String, container: String, namespace: String) {
        guard let begin = message.firstRange(of: "mkdir /")?.upperBound,
            let end = message[begin...].firstRange(of: ": file exists")?.lowerBound
        else { return nil }
        let path = "/" + message[begin..<end]
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        // Only a bundle of this container may be removed, whatever the error names.
        guard parts.count > 4, !parts.contains(".."), parts[parts.count - 1] == container,
            parts[parts.count - 2] == namespace, parts[parts.count - 3].hasPrefix("io.containerd.runtime.")
        else { return nil }
        self.path = path
        self.container = container
        self.namespace = namespace
    }

    /// Removes the folder and its hidden twin, and kills a process that still runs from it. Blocking.
    ///
    /// Removes only the known parts of a bundle: its files, and an empty folder to mount the root on.
    ///
    /// - Throws: `RPCError`, failedPrecondition, naming the file that cannot be removed.
    func remove() throws {
        killProcess()
        let parts = path.split(separator: "/")
        let hidden = "/" + parts.dropLast().joined(separator: "/") + "/.\(container)"
        for folder in [path, hidden] where access(folder, F_OK) == 0 {
            // A repeated create mounts it more than once.
            while CStellar_unmount("\(folder)/rootfs") == 0 {}
            if rmdir("\(folder)/rootfs") != 0, errno != ENOENT { throw failure("\(folder)/rootfs") }
            try removeFiles(of: folder)
        }
        // runc's state of the container; runc makes no container with an id that has one.
        let state = "\(Self.runcRoot)/\(namespace)/\(container)"
        if access(state, F_OK) == 0 { try removeFiles(of: state) }
    }

    /// The folder of runc's state under containerd's shims.
    private static let runcRoot = "/run/containerd/runc"

    private func removeFiles(of folder: String) throws {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard unlink("\(folder)/\(name)") == 0 || errno == ENOENT else { throw failure("\(folder)/\(name)") }
        }
        guard rmdir(folder) == 0 || errno == ENOENT else { throw failure(folder) }
    }

    /// Kills the container's first process, if it still exists and is in the container's cgroup.
    private func killProcess() {
        guard let text = ProcFile.read("\(path)/init.pid"), let pid = pid_t(text), pid > 1 else { return }
        let groups = ProcFile.read("/proc/\(pid)/cgroup") ?? ""
        guard groups.split(separator: "\n").contains(where: { $0.hasSuffix(":/\(namespace)/\(container)") }) else {
            return
        }
        kill(pid, SIGKILL)
        // runc makes no container in a cgroup with a process. A process that has ended has no /proc/PID/exe.
        for _ in 0..<Self.killLooks where access("/proc/\(pid)/exe", F_OK) == 0 { usleep(Self.killPause) }
    }

    /// Two seconds; a killed process needs milliseconds.
    private static let killLooks = 200
    /// Microseconds.
    private static let killPause: useconds_t = 10_000

    private func failure(_ file: String) -> RPCError {
        let reason = String(cString: strerror(errno))
        return RPCError(
            .failedPrecondition,
            "container \"\(container)\": cannot remove \(file) of an earlier task: \(reason); remove it by "
                + "hand, or restart containerd"
        )
    }
}

extension ContainerRuntime {
    /// Polls without a shim before a bundle counts as left: a client that makes a task has a shim after some
    /// milliseconds, and then the task in the list.
    private static let looksWithoutShim = 4
    private static let lookPause = Duration.milliseconds(50)
    /// Five seconds: a shim that has no task by then never gets one.
    private static let maximumLooks = 100

    /// Removes a left bundle, so that a task can be made.
    ///
    /// - Returns: false if there is a task: then the bundle was not left, but another client was making the task.
    func clear(_ bundle: LeftBundle, of id: String) async throws -> Bool {
        var looksWithoutShim = 0
        for _ in 0..<Self.maximumLooks where looksWithoutShim < Self.looksWithoutShim {
            if try await taskProcess(id) != nil { return false }
            let shims = try await shims().filter { $0.container == id }
            looksWithoutShim = shims.isEmpty ? looksWithoutShim + 1 : 0
            try await ContinuousClock().sleep(for: Self.lookPause)
        }
        logger.notice(
            "removing the bundle of an earlier task",
            metadata: ["id": "\(id)", "bundle": "\(bundle.path)"]
        )
        try await endOrphanedShim(id)
        try await NIOThreadPool.singleton.runIfActive { try bundle.remove() }
        return true
    }
}
