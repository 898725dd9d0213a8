import FoundationEssentials
import Glibc
import Logging

/// A shim without a task.
///
/// containerd tells a shim to end when it deletes the task. Where the caller of that delete dies in the middle, the call
/// is cancelled and some versions (1.6 among them) forget the shim: the task is gone from every list, the process stays
/// until containerd starts again.
struct OrphanedShim {
    /// The shims of containerd have this in their program's name.
    private static let program = "containerd-shim"
    /// A shim needs milliseconds to end; after this it is killed, which costs no more than its socket file.
    private static let grace = Duration.seconds(1)
    private static let pollInterval = Duration.milliseconds(10)

    let pid: pid_t

    /// Looks for the shims of a container through /proc (proc(5)): blocking, some microseconds a process.
    static func find(container id: String, namespace: String, address: String) -> [OrphanedShim] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return nil
            }
            let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            let isShim = isShim(arguments, container: id, namespace: namespace, address: address)
            return isShim ? OrphanedShim(pid: pid) : nil
        }
    }

    /// Whether a command line is that of a container's shim: of version 2 by `-id`, of version 1 by its folder's name.
    static func isShim(_ arguments: [String], container id: String, namespace: String, address: String) -> Bool {
        guard let name = arguments.first?.split(separator: "/").last, name.hasPrefix(program) else { return false }
        func value(_ flag: String) -> String? {
            guard let index = arguments.firstIndex(of: flag), index + 1 < arguments.count else { return nil }
            return arguments[index + 1]
        }
        guard value("-namespace") == namespace, value("-address") == address else { return false }
        return value("-id") == id || value("-workdir")?.split(separator: "/").last.map(String.init) == id
    }

    /// Ends it, by force where it does not listen.
    func end() async throws {
        guard kill(pid, SIGTERM) == 0 else { return }
        let clock = ContinuousClock()
        let deadline = clock.now + Self.grace
        while clock.now < deadline {
            try await clock.sleep(for: Self.pollInterval)
            guard kill(pid, 0) == 0 else { return }
        }
        _ = kill(pid, SIGKILL)
    }
}

extension ContainerRuntime {
    /// Ends the shim of a container that has no task, where a crash left one; see ``OrphanedShim``.
    func endOrphanedShim(_ id: String) async throws {
        for shim in OrphanedShim.find(container: id, namespace: namespace, address: address) {
            logger.info("ending a shim without a task", metadata: ["id": "\(id)", "pid": "\(shim.pid)"])
            try await shim.end()
        }
    }
}
