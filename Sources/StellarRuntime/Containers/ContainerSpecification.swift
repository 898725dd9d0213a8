public import StellarCore

/// The container that ``ContainerRuntime/create(_:)`` makes.
public struct ContainerSpecification: Sendable, Hashable {
    /// The container's id, and the name of its snapshot. At most 76 characters (containerd).
    public var id: String
    /// The reference of the image, in its full form. It must have been pulled.
    public var image: String
    /// The program to run, its user, limits, mounts and capabilities.
    public var service: Service
    /// The host name in the container; at most 64 bytes (Linux).
    public var hostname: String
    /// The network namespace to join; nil makes a new one with a loopback interface only.
    public var networkNamespace: String?
    /// The file mounted read-only as /etc/hosts; nil leaves the image's.
    public var hosts: String?
    /// The file mounted read-only as /etc/resolv.conf; nil leaves the image's.
    public var resolvConf: String?
    /// Labels of the container. One under `stellar.io/` marks it as Stellar's, see
    /// ``ContainerRuntime/sweep(keeping:)``.
    public var labels: [String: String]
    /// Documents stored with the container, by key (`stellar.io/extensions/Service`).
    public var extensions: [String: ContainerInfo.Document]

    /// Makes a specification.
    public init(
        id: String,
        image: String,
        service: Service,
        hostname: String? = nil,
        networkNamespace: String? = nil,
        hosts: String? = nil,
        resolvConf: String? = nil,
        labels: [String: String] = [:],
        extensions: [String: ContainerInfo.Document] = [:]
    ) {
        self.id = id
        self.image = image
        self.service = service
        self.hostname = hostname ?? id
        self.networkNamespace = networkNamespace
        self.hosts = hosts
        self.resolvConf = resolvConf
        self.labels = labels
        self.extensions = extensions
    }
}
