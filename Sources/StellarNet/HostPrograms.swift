/// The host's programs that the daemon or its plugins run.
enum HostPrograms {
    /// The directories of programs, whatever `PATH` the daemon has: many shells leave the sbin directories out.
    static let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The same as an environment variable.
    static let searchPath = directories.joined(separator: ":")

    /// The path of `iptables`; nil where it is not installed.
    static func iptables(in directories: [String] = Self.directories) -> String? {
        directories.lazy.map { "\($0)/iptables" }.first(where: FileSystem.isExecutable)
    }

    /// The path of `iptables`; `iptables-save` and `iptables-restore` are beside it.
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
