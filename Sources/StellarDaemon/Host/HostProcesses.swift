import StellarCore
import StellarRuntime
import StellarSystem

/// The processes of this host, through /proc and /sys/fs/cgroup.
struct HostProcesses: ProcessPort {
    /// The containerd namespace of the containers.
    var namespace: String
    /// A container with more has got over its start in any case.
    private static let maximumProcesses = 64

    func sample(_ pid: UInt32) -> ProcessSample? {
        ProcFile.read("/proc/\(pid)/stat").flatMap(ProcessSample.init(stat:))
    }

    func tree(_ pid: UInt32) -> [ProcessSample] {
        var samples: [ProcessSample] = []
        var waiting = [pid]
        while let pid = waiting.popLast(), samples.count < Self.maximumProcesses {
            // A descendant that is gone meanwhile does not count; without the first there is no tree.
            guard var sample = sample(pid) else { continue }
            if sample.isWaiting { sample.sleep = ProcessSleep.remaining(pid) }
            samples.append(sample)
            let children = ProcFile.read("/proc/\(pid)/task/\(pid)/children") ?? ""
            waiting += children.split(separator: " ").compactMap { UInt32($0) }
        }
        return samples
    }

    func ranOutOfMemory(_ id: ContainerID) -> Bool {
        (ContainerCgroup(namespace: namespace, id: id.description).outOfMemoryKills() ?? 0) > 0
    }
}
