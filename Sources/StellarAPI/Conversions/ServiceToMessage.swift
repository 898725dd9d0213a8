import FoundationEssentials
public import StellarCore
import SwiftProtobuf

// From the model to the messages of the API.

extension ApplicationCreateRequest {
    /// Creates the request that creates the app.
    public init(_ app: App) {
        self.init()
        name = app.name
        labels = app.labels.list
        services = app.services.map { RuntimeService($0) }
    }
}

extension RuntimeService {
    /// Creates the message of a service. It sets `restart` and `restart_policy`: the original's clients know only
    /// `restart`.
    public init(_ service: Service) {
        self.init()
        name = service.name
        image = service.image
        runtime = service.runtime
        snapshotter = service.snapshotter
        node = service.node ?? ""
        process = RuntimeProcess(service.process)
        labels = service.labels.list
        network = service.network
        mounts = service.mounts.map { RuntimeMount($0) }
        endpoints = service.endpoints.map { RuntimeEndpoint($0) }
        replicas = UInt64(max(0, service.replicas))
        if let preference = service.placementPreference {
            placementPreference.nodeIds = preference.nodeIDs
            placementPreference.labels = preference.labels.dictionary
            placementPreference.spread = preference.spread
            placementPreference.maxReplicasPerNode = UInt64(max(0, preference.maxReplicasPerNode ?? 0))
        }
        restart = service.restart.condition != .never
        restartPolicy = RuntimeRestartPolicy(service.restart)
        if service.resources != Resources() { resources = RuntimeResources(service.resources) }
        if let check = service.healthCheck { healthCheck = RuntimeHealthCheck(check) }
        readOnly = service.readOnly
        if !service.capabilities.isEmpty {
            capabilities.add = service.capabilities.add
            capabilities.drop = service.capabilities.drop
        }
        privileged = service.privileged
        stopGracePeriod = Google_Protobuf_Duration(clamping: service.stopGracePeriod)
    }
}

extension RuntimeProcess {
    init(_ process: Process) {
        self.init()
        if let uid = process.uid { self.uid = uid }
        if let gid = process.gid { self.gid = gid }
        args = process.args
        env = process.env
        user = process.user ?? ""
        workdir = process.workdir ?? ""
    }
}

extension RuntimeMount {
    init(_ mount: Mount) {
        self.init()
        type = mount.type
        source = mount.source
        destination = mount.destination
        options = mount.options
    }
}

extension RuntimeEndpoint {
    /// Creates the message of an endpoint. Its HTTP configuration is an Any with a bare type URL.
    public init(_ endpoint: Endpoint) {
        self.init()
        service = endpoint.service
        switch endpoint.protocol {
        case .tcp: self.protocol = .tcp
        case .udp: self.protocol = .udp
        case .http: self.protocol = .http
        }
        host = endpoint.host ?? ""
        port = UInt32(endpoint.port)
        if let http = endpoint.http {
            endpointConfig = .bare(RadiantServer.bareTypeURL, RadiantServer(http))
        }
    }
}

extension RadiantServer {
    /// The type URL without a prefix, as in clients of the original.
    public static let bareTypeURL = "io.stellarproject.radiant.api.v1.Server"

    init(_ http: Endpoint.HTTP) {
        self.init()
        tls = http.tls
        if let value = http.timeouts { timeouts = .init(clamping: value) }
        if let value = http.proxyTryDuration { proxyTryDuration = .init(clamping: value) }
        if let value = http.proxyFailTimeout { proxyFailTimeout = .init(clamping: value) }
        limits = http.limits
        proxyUpstreamHeaders = http.proxyUpstreamHeaders
    }
}

extension RuntimeRestartPolicy {
    init(_ policy: RestartPolicy) {
        self.init()
        switch policy.condition {
        case .always: condition = .always
        case .onFailure: condition = .onFailure
        case .never: condition = .never
        }
        maxRetries = UInt32(clamping: policy.maxRetries ?? 0)
        delay = .init(clamping: policy.delay)
        maxDelay = .init(clamping: policy.maxDelay)
    }
}

extension RuntimeResources {
    init(_ resources: Resources) {
        self.init()
        cpuMillis = resources.cpuMillis ?? 0
        memory = resources.memory ?? 0
        pids = resources.pids ?? 0
    }
}

extension RuntimeHealthCheck {
    init(_ check: HealthCheck) {
        self.init()
        switch check.probe {
        case .exec(let command):
            kind = .exec
            self.command = command
        case .tcp(let port):
            kind = .tcpConnect
            self.port = UInt32(port)
        case .http(let port, let path):
            kind = .httpGet
            self.port = UInt32(port)
            self.path = path
        }
        interval = .init(clamping: check.interval)
        timeout = .init(clamping: check.timeout)
        startPeriod = .init(clamping: check.startPeriod)
        retries = UInt32(clamping: check.retries)
    }
}

extension Google_Protobuf_Any {
    /// An Any of a message, with a type URL without `type.googleapis.com/`.
    static func bare(_ typeURL: String, _ message: some Message) -> Google_Protobuf_Any {
        var any = Google_Protobuf_Any()
        any.typeURL = typeURL
        any.value = Data(message.deterministicBytes())
        return any
    }
}

extension Message {
    /// The encoded message, with maps in the order of their keys.
    func deterministicBytes() -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        // why: encoding throws only for missing required fields, which proto3 does not have.
        return (try? serializedBytes(options: options)) ?? []
    }
}

extension Google_Protobuf_Duration {
    /// Creates the duration in whole nanoseconds, clamped to the range of Go's durations.
    init(clamping duration: Duration) {
        let nanoseconds = GoDuration.nanoseconds(of: duration)
        self.init(seconds: nanoseconds / 1_000_000_000, nanos: Int32(nanoseconds % 1_000_000_000))
    }
}
