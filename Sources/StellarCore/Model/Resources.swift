/// Upper limits of what one container may use; nil is no limit.
public struct Resources: Sendable, Hashable {
    /// CPUs in thousandths: 500 is half a CPU, 2000 is two.
    public var cpuMillis: UInt64?
    /// Memory in bytes, swap included.
    public var memory: UInt64?
    /// The number of processes and threads.
    public var pids: UInt64?

    /// Creates limits.
    public init(cpuMillis: UInt64? = nil, memory: UInt64? = nil, pids: UInt64? = nil) {
        self.cpuMillis = cpuMillis
        self.memory = memory
        self.pids = pids
    }

    /// The smallest CPU limit: runc refuses a CFS quota below 1 ms, a hundredth of the period of 100 ms.
    public static let minimumCPUMillis: UInt64 = 10
    /// The largest CPU limit: Linux supports 8192 CPUs (NR_CPUS), so a larger number is a mistake in the unit.
    public static let maximumCPUMillis: UInt64 = 8_192_000
    /// The smallest memory limit: runc's own start needs about this much, and a smaller limit kills the container.
    public static let minimumMemory: UInt64 = 6 << 20
    /// The largest memory limit: the kernel stores it in a signed number.
    public static let maximumMemory = UInt64(Int64.max)
    /// The largest limit of processes and threads: the kernel's PID_MAX_LIMIT on 64-bit machines.
    public static let maximumPids: UInt64 = 4_194_304
}
