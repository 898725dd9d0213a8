import Glibc

/// Plugins that outlived a killed daemon. The next daemon ends them, as they would work against its clean-up.
enum OrphanedPlugins {
    /// The ids of processes whose environment names a namespace under `directory`. Processes in another mount namespace do not
    /// count: their daemon may use the same path for other files.
    static func find(under directory: String) throws -> [pid_t] {
        let prefix = "CNI_NETNS=\(directory)/"
        let own = try mountNamespace(of: "self")
        return try FileSystem.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            // No environment: the process has ended, or belongs to another user.
            guard pid != getpid(), let environment = try? FileSystem.read("/proc/\(pid)/environ") else { return false }
            guard environment.split(separator: "\0").contains(where: { $0.hasPrefix(prefix) }) else { return false }
            return (try? mountNamespace(of: "\(pid)")) == own
        }
    }

    /// Kills them and waits until they have ended. Returns how many there were.
    @discardableResult
    static func end(under directory: String) throws -> Int {
        let pids = try find(under: directory)
        for pid in pids { kill(pid, SIGKILL) }
        for _ in 0..<maximumWaits where try !find(under: directory).isEmpty { usleep(waitMicroseconds) }
        return pids.count
    }

    /// A killed process ends within milliseconds, unless it hangs in the kernel.
    private static let maximumWaits = 200
    private static let waitMicroseconds: UInt32 = 10_000

    private static func mountNamespace(of process: String) throws -> UInt64 {
        var information = stat()
        let path = "/proc/\(process)/ns/mnt"
        guard stat(path, &information) == 0 else { throw SystemCallError(errno, "stat \(path)") }
        return UInt64(information.st_ino)
    }
}
