/// Programs of the host that networking runs, or that plugins run in turn.
enum HostPrograms {
    /// Where they are looked for, whatever `PATH` the daemon was started with: many a shell leaves the sbin directories out.
    static let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The same as an environment variable.
    static let searchPath = directories.joined(separator: ":")

    /// The path of `iptables`; nil where it is not installed.
    static func iptables(in directories: [String] = Self.directories) -> String? {
        directories.lazy.map { "\($0)/iptables" }.first(where: FileSystem.isExecutable)
    }

    /// The path of `iptables`; `iptables-save` and `iptables-restore` lie beside it.
    ///
    /// - Throws: ``NetworkError`` `failedPrecondition` with the package to install.
    @discardableResult
    static func requireIptables(in directories: [String] = Self.directories) throws(NetworkError) -> String {
        if let path = iptables(in: directories) { return path }
        throw NetworkError(
            .failedPrecondition,
            "iptables not found in \(directories.joined(separator: ", ")); containers reach the world through it: "
                + "install Debian's package iptables"
        )
    }
}
