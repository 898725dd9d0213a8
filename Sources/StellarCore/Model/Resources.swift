/// What one container may use at most; nil is no limit.
public struct Resources: Sendable, Hashable, Codable {
    /// Thousandths of a CPU: 500 is half of one, 2000 is two.
    public var cpuMillis: UInt64?
    /// Bytes of memory, swap included.
    public var memory: UInt64?
    /// Processes and threads.
    public var pids: UInt64?

    /// Makes limits.
    public init(cpuMillis: UInt64? = nil, memory: UInt64? = nil, pids: UInt64? = nil) {
        self.cpuMillis = cpuMillis
        self.memory = memory
        self.pids = pids
    }

    /// runc refuses a CFS quota below 1 ms; of the period of 100 ms that is a hundredth of a CPU.
    public static let minimumCPUMillis: UInt64 = 10
    /// More CPUs than Linux can be built for (NR_CPUS 8192) is a slip of the unit.
    public static let maximumCPUMillis: UInt64 = 8_192_000
    /// runc's own start-up needs about this much; a smaller limit kills the container before it runs.
    public static let minimumMemory: UInt64 = 6 << 20
    /// The kernel keeps the limit in a signed number.
    public static let maximumMemory = UInt64(Int64.max)
    /// The kernel's PID_MAX_LIMIT on 64-bit machines.
    public static let maximumPids: UInt64 = 4_194_304
}
