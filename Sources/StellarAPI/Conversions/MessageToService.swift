public import StellarCore
import SwiftProtobuf

// From the messages of the API to the model. A message is first converted into the form of an app file and then checked
// by the rules of the file, so errors and paths are the same.

extension App {
    /// Creates the app of a request and checks it.
    ///
    /// - Throws: `AppFileErrors` with all errors and the paths of a file. The daemon responds with `invalidArgument`.
    public init(request: ApplicationCreateRequest) throws(AppFileErrors) {
        var wire = WireReader()
        var members = ObjectBuilder()
        members.add("name", .string(request.name))
        members.add("labels", strings: request.labels)
        let services = request.services.enumerated().map { wire.node(of: $1, "services[\($0)]") }
        members.add("services", .array(services))
        self = try wire.finish { () throws(AppFileErrors) in try AppFile.decode(members.node.numbered()) }
    }
}

extension Service {
    /// Creates the service of a message and checks it.
    ///
    /// - Throws: `AppFileErrors` with all errors; paths begin with `service`. The daemon responds with
    ///   `invalidArgument`.
    public init(_ message: RuntimeService) throws(AppFileErrors) {
        var wire = WireReader()
        let node = wire.node(of: message, "service").numbered()
        self = try wire.finish { () throws(AppFileErrors) in try AppFile.decodeService(node, path: "service") }
    }
}

/// Converts messages into the form of an app file. Zero values are missing fields, as in proto3.
private struct WireReader {
    /// The errors that a file cannot have: those of the content of an Any.
    private var errors: [AppFileError] = []

    /// The value of `decode`.
    ///
    /// - Throws: the errors of `decode` and ``errors``.
    func finish<Value>(_ decode: () throws(AppFileErrors) -> Value) throws(AppFileErrors) -> Value {
        do {
            let value = try decode()
            if errors.isEmpty { return value }
        } catch {
            throw AppFileErrors(error.errors + errors)
        }
        throw AppFileErrors(errors)
    }

    mutating func node(of service: RuntimeService, _ path: String) -> JSONNode {
        var members = ObjectBuilder()
        members.add("name", .string(service.name))
        if !service.image.isEmpty { members.add("image", .string(service.image)) }
        members.add("runtime", text: service.runtime)
        members.add("snapshotter", text: service.snapshotter)
        members.add("node", text: service.node)
        if service.hasProcess { members.add("process", object: node(of: service.process)) }
        members.add("labels", strings: service.labels)
        if service.hasNetwork { members.add("network", .bool(service.network)) }
        members.add("mounts", list: service.mounts.map(node(of:)))
        let endpoints = service.endpoints.enumerated().map { node(of: $1, "\(path).endpoints[\($0)]") }
        members.add("endpoints", list: endpoints)
        members.add("replicas", number: service.replicas)
        if service.hasPlacementPreference {
            members.add("placement_preference", object: node(of: service.placementPreference))
        }
        if service.hasRestartPolicy {
            members.add("restart", node(of: service.restartPolicy).value)
        } else if service.hasRestart {
            members.add("restart", .bool(service.restart))
        }
        if service.hasResources { members.add("resources", object: node(of: service.resources)) }
        if service.hasHealthCheck { members.add("health_check", node(of: service.healthCheck).value) }
        if service.readOnly { members.add("read_only", .bool(true)) }
        var capabilities = ObjectBuilder()
        capabilities.add("add", strings: service.capabilities.add)
        capabilities.add("drop", strings: service.capabilities.drop)
        members.add("capabilities", object: capabilities.node)
        if service.privileged { members.add("privileged", .bool(true)) }
        if service.hasStopGracePeriod { members.add("stop_grace_period", service.stopGracePeriod) }
        return members.node
    }

    private func node(of process: RuntimeProcess) -> JSONNode {
        var members = ObjectBuilder()
        if process.hasUid { members.add("uid", .number("\(process.uid)")) }
        if process.hasGid { members.add("gid", .number("\(process.gid)")) }
        members.add("user", text: process.user)
        members.add("args", strings: process.args)
        members.add("env", strings: process.env)
        members.add("workdir", text: process.workdir)
        return members.node
    }

    private func node(of mount: RuntimeMount) -> JSONNode {
        var members = ObjectBuilder()
        members.add("type", text: mount.type)
        members.add("source", text: mount.source)
        members.add("destination", text: mount.destination)
        members.add("options", strings: mount.options)
        return members.node
    }

    private mutating func node(of endpoint: RuntimeEndpoint, _ path: String) -> JSONNode {
        var members = ObjectBuilder()
        members.add("service", text: endpoint.service)
        members.add("protocol", number: endpoint.protocol.rawValue)
        members.add("host", text: endpoint.host)
        members.add("port", .number("\(endpoint.port)"))
        if endpoint.hasEndpointConfig, let config = config(endpoint.endpointConfig, "\(path).endpoint_config") {
            members.add("config", config.value)
        }
        return members.node
    }

    /// The HTTP configuration. It accepts both forms of the type URL; `RuntimeEndpoint` has the bare one.
    private mutating func config(_ any: Google_Protobuf_Any, _ path: String) -> JSONNode? {
        let name = any.typeURL.split(separator: "/").last.map(String.init) ?? ""
        guard name == RadiantServer.bareTypeURL else {
            let message = "is a \"\(any.typeURL.prefix(80))\", not a \"\(RadiantServer.bareTypeURL)\""
            errors.append(AppFileError(path: path, message: message))
            return nil
        }
        guard let server = try? RadiantServer(serializedBytes: any.value) else {
            errors.append(AppFileError(path: path, message: "is not an encoded \(RadiantServer.bareTypeURL)"))
            return nil
        }
        var members = ObjectBuilder()
        members.add("tls", .bool(server.tls))
        if server.hasTimeouts { members.add("timeouts", server.timeouts) }
        if server.hasProxyTryDuration { members.add("proxy_try_duration", server.proxyTryDuration) }
        if server.hasProxyFailTimeout { members.add("proxy_fail_timeout", server.proxyFailTimeout) }
        members.add("limits", text: server.limits)
        members.add("proxy_upstream_headers", map: server.proxyUpstreamHeaders)
        return members.node
    }

    private func node(of preference: RuntimePlacementPreference) -> JSONNode {
        var members = ObjectBuilder()
        members.add("node_ids", strings: preference.nodeIds)
        members.add("labels", map: preference.labels)
        members.add("replicas", number: preference.replicas)
        members.add("spread", strings: preference.spread)
        members.add("max_replicas_per_node", number: preference.maxReplicasPerNode)
        return members.node
    }

    private func node(of policy: RuntimeRestartPolicy) -> JSONNode {
        var members = ObjectBuilder()
        switch policy.condition {
        case .always: members.add("condition", .string("always"))
        case .onFailure: members.add("condition", .string("on-failure"))
        case .never: members.add("condition", .string("never"))
        case .UNRECOGNIZED(let number): members.add("condition", .string("\(number)"))
        }
        members.add("max_retries", number: policy.maxRetries)
        if policy.hasDelay { members.add("delay", policy.delay) }
        if policy.hasMaxDelay { members.add("max_delay", policy.maxDelay) }
        return members.node
    }

    private func node(of resources: RuntimeResources) -> JSONNode {
        var members = ObjectBuilder()
        if resources.cpuMillis != 0 { members.add("cpu", .string("\(resources.cpuMillis)m")) }
        members.add("memory", number: resources.memory)
        members.add("pids", number: resources.pids)
        return members.node
    }

    private func node(of check: RuntimeHealthCheck) -> JSONNode {
        var members = ObjectBuilder()
        switch check.kind {
        case .exec: members.add("type", .string("exec"))
        case .tcpConnect: members.add("type", .string("tcp"))
        case .httpGet: members.add("type", .string("http"))
        case .UNRECOGNIZED(let number): members.add("type", .string("\(number)"))
        }
        members.add("command", strings: check.command)
        members.add("port", number: check.port)
        members.add("path", text: check.path)
        if check.hasInterval { members.add("interval", check.interval) }
        if check.hasTimeout { members.add("timeout", check.timeout) }
        if check.hasStartPeriod { members.add("start_period", check.startPeriod) }
        members.add("retries", number: check.retries)
        return members.node
    }
}

extension ObjectBuilder {
    /// Adds a text, unless it is empty.
    fileprivate mutating func add(_ name: String, text: String) {
        if !text.isEmpty { add(name, .string(text)) }
    }

    /// Adds a number, unless it is 0.
    fileprivate mutating func add(_ name: String, number: some BinaryInteger) {
        if number != 0 { add(name, .number("\(number)")) }
    }

    /// Adds a duration. It cannot overflow: `Duration` has 128 bits.
    fileprivate mutating func add(_ name: String, _ duration: Google_Protobuf_Duration) {
        add(name, duration: .seconds(duration.seconds) + .nanoseconds(Int64(duration.nanos)))
    }
}
