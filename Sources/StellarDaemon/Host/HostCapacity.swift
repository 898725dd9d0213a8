import StellarCore
import StellarRuntime

extension NodeCapacity {
    /// What placement counts with on this machine.
    static func ofThisMachine() -> NodeCapacity {
        let host = HostHealth.now()
        return NodeCapacity(
            platform: "\(Platform.current)",
            cpuMillis: UInt64(max(0, host.cpus)) * 1000,
            memory: UInt64(max(0, host.memoryTotal))
        )
    }
}
