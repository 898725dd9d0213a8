/// One service of an app: an image, how to run it, and how many times.
public struct Service: Sendable, Hashable {
    /// The name within the app: a DNS label (see ``Name``).
    public var name: String
    /// The image reference. ``AppFile`` gives it in its full form, e.g. `docker.io/library/redis:alpine`.
    public var image: String
    /// The containerd runtime, e.g. `io.containerd.runc.v2`.
    public var runtime: String
    /// The containerd snapshotter, e.g. `overlayfs`.
    public var snapshotter: String
    /// The id of the node that every replica must run on; nil leaves the choice to ``Placement``.
    public var node: String?
    /// What to run, as whom, where.
    public var process: Process
    /// Labels of each container. Keys under `stellar.io/` and `containerd.io/` are the daemon's.
    public var labels: Labels
    /// False: the containers have a loopback interface only.
    public var network: Bool
    /// File systems mounted into the container, in order.
    public var mounts: [Mount]
    /// Ports that other containers find by name, or that the proxy serves.
    public var endpoints: [Endpoint]
    /// The number of containers, 1 to ``AppFile/maximumReplicas``.
    public var replicas: Int
    /// Which nodes may run the replicas; nil means any.
    public var placementPreference: PlacementPreference?
    /// What happens when the process exits.
    public var restart: RestartPolicy
    /// Upper bounds of what each container may use.
    public var resources: Resources
    /// How to tell that a replica works.
    public var healthCheck: HealthCheck?
    /// True: the root file system cannot be written.
    public var readOnly: Bool
    /// Changes to the default set of capabilities.
    public var capabilities: Capabilities
    /// True: all capabilities, all devices, no seccomp filter. As good as root on the node.
    public var privileged: Bool
    /// The time between the stop signal and SIGKILL.
    public var stopGracePeriod: Duration

    /// The runtime of a service that names none. The original's `io.containerd.runc.v1` is gone from containerd 2;
    /// this one is in every containerd since 1.3.
    public static let defaultRuntime = "io.containerd.runc.v2"
    /// The snapshotter of a service that names none.
    public static let defaultSnapshotter = "overlayfs"
    /// The original's: clients give a delete 10 seconds, so stopping must need well below that.
    public static let defaultStopGracePeriod = Duration.seconds(5)

    /// Makes a service with the defaults of the app file. Nothing is checked here; see ``App/validate()``.
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
