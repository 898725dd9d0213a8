/// The process of a container: what to run, as whom, with which environment.
public struct Process: Sendable, Hashable, Codable {
    /// The numeric user; nil together with a nil ``user`` is 0. The image's USER is not used.
    public var uid: UInt32?
    /// The numeric group; nil together with a nil ``user`` is 0.
    public var gid: UInt32?
    /// `NAME`, `NAME:GROUP`, `UID` or `UID:GID`; names are looked up in the image's /etc/passwd and /etc/group.
    /// Never together with ``uid`` or ``gid``.
    public var user: String?
    /// Replaces the image's entrypoint and command; empty keeps them.
    public var args: [String]
    /// `KEY=value` entries, laid over the image's.
    public var env: [String]
    /// The absolute working directory; nil keeps the image's.
    public var workdir: String?

    /// Makes a process; without arguments, the image's own, as root.
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
