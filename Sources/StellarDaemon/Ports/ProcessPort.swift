import StellarCore

/// Looks at a process of this host.
protocol ProcessPort: Sendable {
    /// nil when there is no such process any more.
    func sample(_ pid: UInt32) -> ProcessSample?
    /// The process and its descendants, itself first; empty when there is no such process any more.
    func tree(_ pid: UInt32) -> [ProcessSample]
    /// Whether the kernel has killed a process of the container for want of memory, since its present task was made.
    func ranOutOfMemory(_ id: ContainerID) -> Bool
}

extension ProcessPort {
    func tree(_ pid: UInt32) -> [ProcessSample] { sample(pid).map { [$0] } ?? [] }
    func ranOutOfMemory(_ id: ContainerID) -> Bool { false }
}

/// What `/proc/<pid>/stat` says of a process (proc_pid_stat(5)).
struct ProcessSample: Sendable, Hashable {
    /// R, S, D, Z, T, X, …
    var state: Character
    /// User and system time so far, in clock ticks.
    var cpuTicks: UInt64
    /// How long it is going to sleep on a timer; nil where it does or waits for something else.
    var sleep: Duration?

    /// Ended, and not waited for yet.
    var hasEnded: Bool { state == "Z" || state == "X" }
    /// Waits for something to happen, as a server does that has started.
    var isWaiting: Bool { state == "S" }

    /// - Parameter stat: The content of the file.
    init?(stat: String) {
        // The second field is the program's name in parentheses, which may hold anything, parentheses and spaces too.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let state = fields[0].first, let user = UInt64(fields[11]),
            let system = UInt64(fields[12])
        else { return nil }
        self.state = state
        cpuTicks = user + system
    }

    init(state: Character, cpuTicks: UInt64, sleep: Duration? = nil) {
        self.state = state
        self.cpuTicks = cpuTicks
        self.sleep = sleep
    }
}
