import FoundationEssentials
import StellarCore
import StellarSystem

/// The facts of a node that a specification depends on.
package struct HostFacts: Sendable, Hashable {
    /// True if /sys/fs/cgroup is the unified hierarchy of cgroup v2; false for v1, hybrid included.
    package var unifiedCgroups: Bool
    /// Whether the kernel can limit swap.
    package var limitsSwap: Bool
    /// The node's cgroup controllers, by their kernel names: `cpu`, `memory`, `pids`, …
    package var controllers: Set<String>
    /// The capabilities of this process, which limit those of a container (capabilities(7)).
    package var capabilities: Set<String>

    package init(unifiedCgroups: Bool, limitsSwap: Bool, controllers: Set<String>, capabilities: Set<String>) {
        self.unifiedCgroups = unifiedCgroups
        self.limitsSwap = limitsSwap
        self.controllers = controllers
        self.capabilities = capabilities
    }

    /// Reads the facts of this node.
    ///
    /// - Parameter cgroups: the mount point of the cgroup hierarchies.
    package static func current(cgroups: String = "/sys/fs/cgroup") -> HostFacts {
        let files = FileManager.default
        let unified = ProcFile.read("\(cgroups)/cgroup.controllers")
        let controllers: Set<String>
        if let unified {
            controllers = Set(unified.split(whereSeparator: \.isWhitespace).map(String.init))
        } else {
            controllers = Self.mounted(ofMounts: ProcFile.read("/proc/self/mounts") ?? "")
        }
        // On v2, runc itself omits the swap limit if the kernel has none.
        let swap = unified != nil || files.fileExists(atPath: "\(cgroups)/memory/memory.memsw.limit_in_bytes")
        return HostFacts(
            unifiedCgroups: unified != nil,
            limitsSwap: swap,
            controllers: controllers,
            capabilities: boundingSet(ofStatus: ProcFile.read("/proc/self/status") ?? "")
        )
    }

    /// The mounted version 1 controllers, alone or together (`cpu,cpuacct`), from /proc/PID/mounts (proc(5)). It does
    /// not list a controller that was disabled at boot (`cgroup_disable=memory`).
    package static func mounted(ofMounts table: String) -> Set<String> {
        var found: Set<String> = []
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == "cgroup" else { continue }
            for option in fields[3].split(separator: ",") { found.insert(String(option)) }
        }
        return found
    }

    /// The names in the line `CapBnd` of /proc/PID/status (proc(5)), a hexadecimal mask.
    package static func boundingSet(ofStatus status: String) -> Set<String> {
        for line in status.split(separator: "\n") where line.hasPrefix("CapBnd:") {
            let digits = line.dropFirst("CapBnd:".count).drop { $0 == "\t" || $0 == " " }
            guard let mask = UInt64(digits, radix: 16) else { continue }
            let named = Capabilities.known.enumerated().filter { mask & (1 << UInt64($0.offset)) != 0 }
            return Set(named.map(\.element))
        }
        return []
    }
}
