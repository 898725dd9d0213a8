import FoundationEssentials
import StellarCore
import StellarSystem

/// What a specification must know of the node.
package struct HostFacts: Sendable, Hashable {
    /// True where /sys/fs/cgroup is the one hierarchy of cgroup v2; false for v1, hybrid included.
    package var unifiedCgroups: Bool
    /// Whether the kernel can limit swap.
    package var limitsSwap: Bool
    /// The cgroup controllers that this node has, by their kernel names: `cpu`, `memory`, `pids`, …
    package var controllers: Set<String>
    /// The capabilities that this process has and so can hand on; a container may not have more (capabilities(7)).
    package var capabilities: Set<String>

    package init(unifiedCgroups: Bool, limitsSwap: Bool, controllers: Set<String>, capabilities: Set<String>) {
        self.unifiedCgroups = unifiedCgroups
        self.limitsSwap = limitsSwap
        self.controllers = controllers
        self.capabilities = capabilities
    }

    /// Reads the facts of this node.
    ///
    /// - Parameter cgroups: where the cgroup hierarchies are mounted.
    package static func current(cgroups: String = "/sys/fs/cgroup") -> HostFacts {
        let files = FileManager.default
        let unified = ProcFile.read("\(cgroups)/cgroup.controllers")
        let controllers: Set<String>
        if let unified {
            controllers = Set(unified.split(whereSeparator: \.isWhitespace).map(String.init))
        } else {
            controllers = Self.mounted(ofMounts: ProcFile.read("/proc/self/mounts") ?? "")
        }
        // Of v2, runc itself leaves the swap limit out where the kernel has none.
        let swap = unified != nil || files.fileExists(atPath: "\(cgroups)/memory/memory.memsw.limit_in_bytes")
        return HostFacts(
            unifiedCgroups: unified != nil,
            limitsSwap: swap,
            controllers: controllers,
            capabilities: boundingSet(ofStatus: ProcFile.read("/proc/self/status") ?? "")
        )
    }

    /// The controllers of version 1 that are mounted, alone or together (`cpu,cpuacct`), by /proc/PID/mounts (proc(5)): a
    /// controller that is compiled in and switched off at boot (`cgroup_disable=memory`) is not among them.
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
