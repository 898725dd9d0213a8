import Glibc

/// The configuration of this host: defaults, file and flags, read together.
public enum DefaultConfiguration {
    /// The defaults of this host, as `stellar config` prints them.
    ///
    /// - Parameter interface: Whose address to use; nil detects it.
    public static func text(nodeID: String?, interface: String?, peers: [String], namespace: String?) -> String {
        var configuration = defaults(interface: interface ?? environment("STELLAR_CONFIG_NIC"))
        if let id = nodeID ?? environment("STELLAR_CONFIG_NODE_ID") { configuration.nodeID = id }
        if let namespace = namespace ?? environment("CONTAINERD_NAMESPACE") { configuration.namespace = namespace }
        let given = environment("STELLAR_CONFIG_PEERS")?.split(separator: ",").map(String.init) ?? []
        configuration.peers = peers.isEmpty ? given : peers
        return ConfigurationFile.text(configuration)
    }

    /// What the daemon runs with: the flags over the file over the defaults.
    ///
    /// The original had two meanings for `-c`: containerd's socket, and later the configuration file. A value that names
    /// a regular file is the latter.
    public static func load(file: String?, flags: ServerFlags) throws(ConfigurationError) -> DaemonConfiguration {
        var (file, flags) = (file, flags)
        if file == nil, let path = flags.containerdAddress, isRegularFile(path) {
            file = path
            flags.containerdAddress = nil
        }
        var configuration = defaults(interface: nil)
        if let namespace = environment("CONTAINERD_NAMESPACE") { configuration.namespace = namespace }
        if let file { try ConfigurationFile.apply(try read(file), name: file, to: &configuration) }
        try configuration.apply(flags)
        return configuration
    }

    private static func defaults(interface: String?) -> DaemonConfiguration {
        let configured = AddressDetection.choose(from: AddressDetection.candidates(), interface: interface)
        return DaemonConfiguration(hostName: AddressDetection.hostName(), address: configured)
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ConfigurationError(["cannot read \(path): \(String(cString: strerror(errno)))"])
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= ConfigurationFile.maximumBytes {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else {
                throw ConfigurationError(["cannot read \(path): \(String(cString: strerror(errno)))"])
            }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
