/// Changes to the default set of Linux capabilities (capabilities(7)): ``drop`` applies first, then ``add``.
public struct Capabilities: Sendable, Hashable {
    /// Capabilities to add: names such as `CAP_NET_ADMIN`, or ``all``.
    public var add: [String]
    /// Capabilities to drop: names such as `CAP_CHOWN`, or ``all``.
    public var drop: [String]

    /// Creates a change; without arguments, it changes nothing.
    public init(add: [String] = [], drop: [String] = []) {
        self.add = add
        self.drop = drop
    }

    /// Whether it changes nothing.
    public var isEmpty: Bool { add.isEmpty && drop.isEmpty }

    /// The word for every capability.
    public static let all = "ALL"

    /// The full name of a capability: `CAP_NET_ADMIN` for `NET_ADMIN`, `net_admin` or `CAP_NET_ADMIN`; nil for a name
    /// that Linux does not have.
    package static func canonicalName(_ text: String) -> String? {
        let upper = text.uppercased()
        if upper == all { return all }
        let name = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
        return known.contains(name) ? name : nil
    }

    /// The full names of all capabilities up to Linux 6.12, in the order of linux/capability.h.
    public static let known: [String] = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ].map { "CAP_" + $0 }
}
