import FoundationEssentials
import StellarCore

/// What a specification must know of the node.
package struct HostFacts: Sendable, Hashable {
    /// True where /sys/fs/cgroup is the one hierarchy of cgroup v2; false for v1, hybrid included.
    package var unifiedCgroups: Bool
    /// Whether the kernel can limit swap.
    package var limitsSwap: Bool
    /// The capabilities that this process has and so can hand on; a container may not have more (capabilities(7)).
    package var capabilities: Set<String>

    package init(unifiedCgroups: Bool, limitsSwap: Bool, capabilities: Set<String>) {
        self.unifiedCgroups = unifiedCgroups
        self.limitsSwap = limitsSwap
        self.capabilities = capabilities
    }

    /// Reads the facts of this node.
    package static func current() -> HostFacts {
        let files = FileManager.default
        let unified = files.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
        // Of v2, runc itself leaves the swap limit out where the kernel has none.
        let swap = unified || files.fileExists(atPath: "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")
        let status = files.contents(atPath: "/proc/self/status").map { String(decoding: $0, as: UTF8.self) } ?? ""
        return HostFacts(unifiedCgroups: unified, limitsSwap: swap, capabilities: boundingSet(ofStatus: status))
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
