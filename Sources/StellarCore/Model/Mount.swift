/// A file system mounted into a container, in the terms of the OCI runtime specification.
public struct Mount: Sendable, Hashable {
    /// `bind`, `tmpfs` or another of ``knownTypes``.
    public var type: String
    /// The source. For `bind` it is an absolute path on the node; the node creates a missing directory (mode 0755,
    /// owned by the process's uid and gid).
    public var source: String
    /// The absolute path in the container. No two mounts of a service share one.
    public var destination: String
    /// Options of mount(8), one each: `ro`, `rbind`, `size=64m`.
    public var options: [String]

    /// Creates a mount.
    public init(type: String = "bind", source: String = "", destination: String, options: [String] = []) {
        self.type = type
        self.source = source
        self.destination = destination
        self.options = options
    }

    /// The mount types that an app may use: runc needs only a source and options for them.
    public static let knownTypes = ["bind", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "overlay"]
}
