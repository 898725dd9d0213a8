/// The configuration files for registries: mirrors and credentials.
public struct RegistryOptions: Sendable, Hashable {
    /// Folders of `<host>/hosts.toml`, in search order; containerd's own by default.
    public var hostsDirectories: [String]
    /// Files in the form of docker's `config.json`, in search order; nil for docker's own (`$DOCKER_CONFIG/config.json`
    /// or `~/.docker/config.json`).
    public var dockerConfigs: [String]?
    /// Registries (`host` or `host:port`) without TLS, in addition to loopback.
    public var plainHTTP: Set<String>

    public init(
        hostsDirectories: [String] = ["/etc/containerd/certs.d", "/etc/docker/certs.d"],
        dockerConfigs: [String]? = nil,
        plainHTTP: Set<String> = []
    ) {
        self.hostsDirectories = hostsDirectories
        self.dockerConfigs = dockerConfigs
        self.plainHTTP = plainHTTP
    }
}
