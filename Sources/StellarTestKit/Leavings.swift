import FoundationEssentials
import Glibc
import StellarSystem

/// Finds and removes what killed servers of a fixture leave on the machine: processes, mounts, cgroups. Matches only names that
/// a fixture has, so that it touches nothing else.
enum Leavings {
    /// The servers of a cluster that use the folder. An editor or `tail` is not one.
    static func servers(below directory: String) -> [Int32] {
        let servers = ["stellar", "containerd", "docker-registry"]
        return processes { arguments in
            let program = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
            return (servers.contains(program) || program.hasPrefix("containerd-shim"))
                && arguments.contains { $0.contains("\(directory)/") }
        }
    }

    static func processes(where matches: ([String]) -> Bool) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap(Int32.init).filter { matches(ProcFile.commandLine(of: $0) ?? []) }
    }

    static func children(of pid: Int32) -> [Int32] {
        (ProcFile.read("/proc/\(pid)/task/\(pid)/children") ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    /// Unmounts everything below the folder, the last mount first.
    static func unmountAll(below directory: String) {
        let table = ProcFile.read("/proc/self/mountinfo") ?? ""
        for line in table.split(separator: "\n").reversed() {
            let fields = line.split(separator: " ")
            if fields.count > 4, fields[4].hasPrefix("\(directory)/") { umount2(String(fields[4]), CInt(MNT_DETACH)) }
        }
    }

    /// Kills the processes in the cgroups of a containerd namespace, and removes the cgroups. Cgroups of version 1 have one tree
    /// for each controller.
    static func removeCgroups(of namespace: String) async {
        _ = try? await eventually("the cgroups of \(namespace) are removed") {
            var isEmpty = true
            for group in cgroups(of: namespace) {
                for child in (try? FileManager.default.contentsOfDirectory(atPath: group)) ?? [] {
                    let path = "\(group)/\(child)"
                    for process in members(of: path) { _ = kill(process, SIGKILL) }
                    rmdir(path)
                }
                // A killed process leaves its cgroup a moment later.
                if rmdir(group) != 0, errno != ENOENT { isEmpty = false }
            }
            return isEmpty ? true : nil
        }
    }

    private static func cgroups(of namespace: String) -> [String] {
        let files = FileManager.default
        let root = "/sys/fs/cgroup"
        let trees = [root] + ((try? files.contentsOfDirectory(atPath: root)) ?? []).map { "\(root)/\($0)" }
        return trees.map { "\($0)/\(namespace)" }.filter { files.fileExists(atPath: $0) }
    }

    private static func members(of cgroup: String) -> [Int32] {
        (ProcFile.read("\(cgroup)/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
    }
}
