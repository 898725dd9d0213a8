/// One service of an app: an image, how to run it, and the number of replicas.
public struct Service: Sendable, Hashable {
    /// The name within the app: a DNS label (see ``Name``).
    public var name: String
    /// The image reference. ``AppFile`` gives it in its full form, e.g. `docker.io/library/redis:alpine`.
    public var image: String
    /// The containerd runtime, e.g. `io.containerd.runc.v2`.
    public var runtime: String
    /// The containerd snapshotter, e.g. `overlayfs`.
    public var snapshotter: String
    /// The id of the node that must run every replica; nil leaves the choice to ``Placement``.
    public var node: String?
    /// The process of each container.
    public var process: Process
    /// Labels of each container. Keys under `stellar.io/` and `containerd.io/` are reserved for the daemon.
    public var labels: Labels
    /// Whether the containers join the cluster's network; if not, they have a loopback interface only.
    public var network: Bool
    /// File systems mounted into the container, in order.
    public var mounts: [Mount]
    /// Ports that the nameserver announces.
    public var endpoints: [Endpoint]
    /// The number of containers, 1 to ``AppFile/maximumReplicas``.
    public var replicas: Int
    /// Which nodes may run the replicas; nil is any node.
    public var placementPreference: PlacementPreference?
    /// What happens when the process exits.
    public var restart: RestartPolicy
    /// Upper limits of what each container may use.
    public var resources: Resources
    /// The check of whether a replica works; nil is no check. See ``HealthCheck`` for what this release does with it.
    public var healthCheck: HealthCheck?
    /// Whether the root file system is read-only.
    public var readOnly: Bool
    /// Changes to the default set of capabilities.
    public var capabilities: Capabilities
    /// Whether the containers get all capabilities, all devices and no seccomp filter: as powerful as root on the node.
    public var privileged: Bool
    /// The time from the stop signal to SIGKILL, up to 1 h.
    public var stopGracePeriod: Duration

    /// The default of ``runtime``, which every containerd since 1.3 has. containerd 2 no longer has the original's
    /// `io.containerd.runc.v1`.
    public static let defaultRuntime = "io.containerd.runc.v2"
    /// The default of ``snapshotter``.
    public static let defaultSnapshotter = "overlayfs"
    /// The default of ``stopGracePeriod``, as in the original: its clients wait 10 s for a delete.
    public static let defaultStopGracePeriod = Duration.seconds(5)

    /// Creates a service with the defaults of the app file, without checking it; ``App/validate()`` checks it.
    public init(
        name: String,
        image: String,
        runtime: String = Service.defaultRuntime,
        snapshotter: String = Service.defaultSnapshotter,
        node: String? = nil,
        process: Process = Process(),
        labels: Labels = [:],
        network: Bool = true,
        mounts: [Mount] = [],
        endpoints: [Endpoint] = [],
        replicas: Int = 1,
        placementPreference: PlacementPreference? = nil,
        restart: RestartPolicy = .always,
        resources: Resources = Resources(),
        healthCheck: HealthCheck? = nil,
        readOnly: Bool = false,
        capabilities: Capabilities = Capabilities(),
        privileged: Bool = false,
        stopGracePeriod: Duration = Service.defaultStopGracePeriod
    ) {
        self.name = name
        self.image = image
        self.runtime = runtime
        self.snapshotter = snapshotter
        self.node = node
        self.process = process
        self.labels = labels
        self.network = network
        self.mounts = mounts
        self.endpoints = endpoints
        self.replicas = replicas
        self.placementPreference = placementPreference
        self.restart = restart
        self.resources = resources
        self.healthCheck = healthCheck
        self.readOnly = readOnly
        self.capabilities = capabilities
        self.privileged = privileged
        self.stopGracePeriod = stopGracePeriod
    }
}
