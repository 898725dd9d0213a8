import FoundationEssentials
import StellarSystem

/// The control group of a container's task, read from the kernel.
///
/// It lives from the task's create to its delete, so it can still be asked when the process has ended.
package struct ContainerCgroup: Sendable {
    private let unified: String
    private let memory: String

    /// - Parameters:
    ///   - namespace: the containerd namespace, see ``SpecInput``.
    ///   - id: the container.
    ///   - root: where the cgroup hierarchies are mounted.
    package init(namespace: String, id: String, root: String = "/sys/fs/cgroup") {
        unified = "\(root)/\(namespace)/\(id)"
        memory = "\(root)/memory/\(namespace)/\(id)"
    }

    /// How many of its processes the kernel has killed for want of memory, the container's or the node's.
    ///
    /// The line `oom_kill` of `memory.events` in version 2 (processes of groups below count as well) and of
    /// `memory.oom_control` in version 1 (since Linux 4.13).
    ///
    /// - Returns: nil where there is no group, or no accounting of memory.
    package func outOfMemoryKills() -> Int? {
        for file in ["\(unified)/memory.events", "\(memory)/memory.oom_control"] {
            guard let text = ProcFile.read(file) else { continue }
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count == 2, words[0] == "oom_kill" { return Int(words[1]) }
            }
        }
        return nil
    }
}
