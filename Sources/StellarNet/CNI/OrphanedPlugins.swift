import Glibc

/// Plugins that outlived the daemon that ran them: killed with `kill -9`, it could not wait for them, and what they still
/// do would come on top of what the next daemon cleans up.
enum OrphanedPlugins {
    /// The ids of processes whose environment says that they work on a namespace under `directory`. Only those that see
    /// the same files count: a daemon in another mount namespace may use the same path for another place.
    static func find(under directory: String) throws -> [pid_t] {
        let prefix = "CNI_NETNS=\(directory)/"
        let own = try mountNamespace(of: "self")
        return try FileSystem.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            // Unreadable or empty: gone, or not ours.
            guard pid != getpid(), let environment = try? FileSystem.read("/proc/\(pid)/environ") else { return false }
            guard environment.split(separator: "\0").contains(where: { $0.hasPrefix(prefix) }) else { return false }
            return (try? mountNamespace(of: "\(pid)")) == own
        }
    }

    /// Kills them and waits until they are gone. Returns how many there were.
    @discardableResult
    static func end(under directory: String) throws -> Int {
        let pids = try find(under: directory)
        for pid in pids { kill(pid, SIGKILL) }
        for _ in 0..<maximumWaits where try !find(under: directory).isEmpty { usleep(waitMicroseconds) }
        return pids.count
    }

    /// A killed process is gone within milliseconds, unless it hangs in the kernel.
    private static let maximumWaits = 200
    private static let waitMicroseconds: UInt32 = 10_000

    private static func mountNamespace(of process: String) throws -> UInt64 {
        var information = stat()
        let path = "/proc/\(process)/ns/mnt"
        guard stat(path, &information) == 0 else { throw SystemCallError(errno, "look at \(path)") }
        return UInt64(information.st_ino)
    }
}
