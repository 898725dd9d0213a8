/// A file system mounted into a container, in the terms of the OCI runtime specification.
public struct Mount: Sendable, Hashable, Codable {
    /// `bind`, `tmpfs` or another of ``knownTypes``.
    public var type: String
    /// For `bind` the absolute path on the node, made (0755, owned by the process's uid and gid) where missing.
    public var source: String
    /// The absolute path in the container. No two mounts of a service share one.
    public var destination: String
    /// Options as of mount(8), e.g. `ro`, `rbind`, `size=64m`.
    public var options: [String]

    /// Makes a mount.
    public init(type: String = "bind", source: String = "", destination: String, options: [String] = []) {
        self.type = type
        self.source = source
        self.destination = destination
        self.options = options
    }

    /// The types an app file may ask for: those that runc mounts without more than a source and options.
    public static let knownTypes = ["bind", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "overlay"]
}
