import CStellarLinux
import FoundationEssentials
import Glibc
import Logging
import NIOPosix
import StellarRPC
import StellarSystem

/// A bundle without a task: the folder that containerd makes for a task, left behind by one that is no more.
///
/// containerd makes the folder with the task and removes it with the task, by renaming it to a hidden name first. Where
/// that went wrong (containerd was killed in between; somebody else deleted and made tasks of the same container at the
/// same time, as containerd's own restart monitor does), the folder stays, or the hidden one, which is then in the way of
/// the next removal. From then on every create of the container's task fails: `mkdir …: file exists`. containerd 1.6 does
/// not get over it before its restart, and not at all over the hidden folder.
struct LeftBundle: Hashable {
    /// The folder, `<state>/io.containerd.runtime.v2.task/<namespace>/<container>`.
    let path: String
    private let container: String
    private let namespace: String

    /// The bundle that an error of containerd complains about; nil where it complains about something else.
    init?(inError message: String, container: String, namespace: String) {
        guard let begin = message.firstRange(of: "mkdir /")?.upperBound,
            let end = message[begin...].firstRange(of: ": file exists")?.lowerBound
        else { return nil }
        let path = "/" + message[begin..<end]
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        // What is removed below must be a bundle of this container, whatever the error says.
        guard parts.count > 4, !parts.contains(".."), parts[parts.count - 1] == container,
            parts[parts.count - 2] == namespace, parts[parts.count - 3].hasPrefix("io.containerd.runtime.")
        else { return nil }
        self.path = path
        self.container = container
        self.namespace = namespace
    }

    /// Removes the folder and its hidden twin, and ends a process that still runs out of it. Blocking.
    ///
    /// Nothing is removed that is not known to be part of a bundle: files, and an empty folder to mount the root on.
    ///
    /// - Throws: `RPCError`, failedPrecondition, naming what is in the way.
    func remove() throws {
        killProcess()
        let parts = path.split(separator: "/")
        let hidden = "/" + parts.dropLast().joined(separator: "/") + "/.\(container)"
        for folder in [path, hidden] where access(folder, F_OK) == 0 {
            // Mounted more than once where a create was repeated.
            while CStellar_unmount("\(folder)/rootfs") == 0 {}
            if rmdir("\(folder)/rootfs") != 0, errno != ENOENT { throw failure("\(folder)/rootfs") }
            try removeFiles(of: folder)
        }
        // What runc knows of the container; it makes none of an id that it knows.
        let state = "\(Self.runcRoot)/\(namespace)/\(container)"
        if access(state, F_OK) == 0 { try removeFiles(of: state) }
    }

    /// Where containerd's shims let runc keep its state.
    private static let runcRoot = "/run/containerd/runc"

    private func removeFiles(of folder: String) throws {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard unlink("\(folder)/\(name)") == 0 || errno == ENOENT else { throw failure("\(folder)/\(name)") }
        }
        guard rmdir(folder) == 0 || errno == ENOENT else { throw failure(folder) }
    }

    /// The first process of the container, if it is still there and still in the container's cgroup.
    private func killProcess() {
        guard let text = ProcFile.read("\(path)/init.pid"), let pid = pid_t(text), pid > 1 else { return }
        let groups = ProcFile.read("/proc/\(pid)/cgroup") ?? ""
        guard groups.split(separator: "\n").contains(where: { $0.hasSuffix(":/\(namespace)/\(container)") }) else {
            return
        }
        kill(pid, SIGKILL)
        // runc makes no container in a cgroup with a process in it. Of a process that has ended, the program is gone.
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
            "container \"\(container)\": \(file) is left of an earlier task and cannot be removed (\(reason)): remove it by "
                + "hand, or restart containerd"
        )
    }
}

extension ContainerRuntime {
    /// Whoever makes a task has its shim running after some milliseconds, and the task in the list after it.
    private static let looksWithoutShim = 4
    private static let lookPause = Duration.milliseconds(50)
    /// Five seconds: a shim that has no task by then never gets one.
    private static let maximumLooks = 100

    /// Takes a left bundle away, so that a task can be made.
    ///
    /// - Returns: false where a task is there, or came: then it was no leftover but somebody's work under way.
    func clear(_ bundle: LeftBundle, of id: String) async throws -> Bool {
        var looksWithoutShim = 0
        for _ in 0..<Self.maximumLooks where looksWithoutShim < Self.looksWithoutShim {
            if try await taskProcess(id) != nil { return false }
            let shims = try await shims().filter { $0.container == id }
            looksWithoutShim = shims.isEmpty ? looksWithoutShim + 1 : 0
            try await ContinuousClock().sleep(for: Self.lookPause)
        }
        logger.notice(
            "removing what an earlier task left",
            metadata: ["id": "\(id)", "bundle": "\(bundle.path)"]
        )
        try await endOrphanedShim(id)
        try await NIOThreadPool.singleton.runIfActive { try bundle.remove() }
        return true
    }
}
