import FoundationEssentials
import StellarSystem

/// The control group of a container's task, read from the kernel.
///
/// It exists from the task's create to its delete, so it can still be read when the process has ended.
package struct ContainerCgroup: Sendable {
    private let unified: String
    private let memory: String

    /// - Parameters:
    ///   - namespace: the containerd namespace, see ``SpecInput``.
    ///   - id: the container.
    ///   - root: the mount point of the cgroup hierarchies.
    package init(namespace: String, id: String, root: String = "/sys/fs/cgroup") {
        unified = "\(root)/\(namespace)/\(id)"
        memory = "\(root)/memory/\(namespace)/\(id)"
    }

    /// The number of its processes that the kernel killed because the container or the node ran out of memory.
    ///
    /// The line `oom_kill` of `memory.events` in version 2 (processes of groups below count as well) and of
    /// `memory.oom_control` in version 1 (since Linux 4.13).
    ///
    /// - Returns: nil if there is no group, or no memory accounting.
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
