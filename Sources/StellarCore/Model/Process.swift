/// The process of a container: its program, user, environment and working directory.
public struct Process: Sendable, Hashable {
    /// The numeric user. If this and ``user`` are nil, the process runs as user 0; the USER of the image is not used.
    public var uid: UInt32?
    /// The numeric group. If this and ``user`` are nil, the process runs in group 0.
    public var gid: UInt32?
    /// The user as `NAME`, `NAME:GROUP`, `UID` or `UID:GID`. The node looks up names in the image's /etc/passwd and
    /// /etc/group. A process has this or ``uid`` and ``gid``, not both.
    public var user: String?
    /// The program and its arguments, instead of the image's entrypoint and command; empty keeps those.
    public var args: [String]
    /// Environment variables as `KEY=value`. They replace variables of the image with the same name.
    public var env: [String]
    /// The working directory, an absolute path; nil keeps the image's.
    public var workdir: String?

    /// Creates a process; without arguments, it is the image's own program as root.
    public init(
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        user: String? = nil,
        args: [String] = [],
        env: [String] = [],
        workdir: String? = nil
    ) {
        self.uid = uid
        self.gid = gid
        self.user = user
        self.args = args
        self.env = env
        self.workdir = workdir
    }
}
