/// The directories of plugins, and the remedy for a missing one.
public enum CNIPluginPaths {
    /// The directories of containerd, of the CNI project's releases, and of Debian.
    public static let standard = ["/opt/containerd/bin", "/opt/cni/bin", "/usr/lib/cni"]

    /// The first executable of this name.
    ///
    /// - Throws: ``NetworkError`` `failedPrecondition` naming the plugin, every directory that was searched, and where to
    ///   get it.
    static func find(_ plugin: String, in directories: [String]) throws(NetworkError) -> String {
        let isPlainName = !plugin.isEmpty && !plugin.contains("/") && plugin != "." && plugin != ".."
        if isPlainName {
            for directory in directories where FileSystem.isExecutable("\(directory)/\(plugin)") {
                return "\(directory)/\(plugin)"
            }
        }
        throw NetworkError(
            .failedPrecondition,
            "CNI plugin \(plugin) not found in \(directories.joined(separator: ", ")); \(remedy(plugin))"
        )
    }

    /// What to do about a plugin that is missing or misbehaves.
    static func remedy(_ plugin: String) -> String {
        plugin == CNIConfiguration.ipamPlugin
            ? "install it beside the stellar daemon, or in a directory of CNIBinPaths"
            : "install Debian's package containernetworking-plugins, or correct CNIBinPaths"
    }
}
