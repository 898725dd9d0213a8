// From the model to the document: the inverse of AppDecoder. It leaves out default values.
extension AppFile {
    /// The app in the form of the file.
    package static func node(of app: App) -> JSONNode {
        var members = ObjectBuilder()
        members.add("name", .string(app.name))
        members.add("labels", strings: app.labels.list)
        members.add("services", .array(app.services.map(node(of:))))
        return members.node
    }

    /// A service in the form of the file.
    package static func node(of service: Service) -> JSONNode {
        let plain = Service(name: "", image: "")
        var members = ObjectBuilder()
        members.add("name", .string(service.name))
        members.add("image", .string(service.image))
        if service.runtime != plain.runtime { members.add("runtime", .string(service.runtime)) }
        if service.snapshotter != plain.snapshotter { members.add("snapshotter", .string(service.snapshotter)) }
        if let node = service.node { members.add("node", .string(node)) }
        members.add("process", object: node(of: service.process))
        members.add("labels", strings: service.labels.list)
        if !service.network { members.add("network", .bool(false)) }
        members.add("mounts", list: service.mounts.map(node(of:)))
        members.add("endpoints", list: service.endpoints.map(node(of:)))
        if service.replicas != plain.replicas { members.add("replicas", .number("\(service.replicas)")) }
        if let preference = service.placementPreference {
            members.add("placement_preference", object: node(of: preference))
        }
        if service.restart != plain.restart { members.add("restart", node(of: service.restart).value) }
        members.add("resources", object: node(of: service.resources))
        if let check = service.healthCheck { members.add("health_check", node(of: check).value) }
        if service.readOnly { members.add("read_only", .bool(true)) }
        var capabilities = ObjectBuilder()
        capabilities.add("add", strings: service.capabilities.add)
        capabilities.add("drop", strings: service.capabilities.drop)
        members.add("capabilities", object: capabilities.node)
        if service.privileged { members.add("privileged", .bool(true)) }
        if service.stopGracePeriod != plain.stopGracePeriod {
            members.add("stop_grace_period", duration: service.stopGracePeriod)
        }
        return members.node
    }

    private static func node(of process: Process) -> JSONNode {
        var members = ObjectBuilder()
        if let uid = process.uid { members.add("uid", .number("\(uid)")) }
        if let gid = process.gid { members.add("gid", .number("\(gid)")) }
        if let user = process.user { members.add("user", .string(user)) }
        members.add("args", strings: process.args)
        members.add("env", strings: process.env)
        if let workdir = process.workdir { members.add("workdir", .string(workdir)) }
        return members.node
    }

    private static func node(of mount: Mount) -> JSONNode {
        var members = ObjectBuilder()
        members.add("type", .string(mount.type))
        if !mount.source.isEmpty { members.add("source", .string(mount.source)) }
        members.add("destination", .string(mount.destination))
        members.add("options", strings: mount.options)
        return members.node
    }

    private static func node(of endpoint: Endpoint) -> JSONNode {
        var members = ObjectBuilder()
        members.add("service", .string(endpoint.service))
        members.add("protocol", .string(endpoint.protocol.rawValue))
        if let host = endpoint.host { members.add("host", .string(host)) }
        members.add("port", .number("\(endpoint.port)"))
        guard let http = endpoint.http else { return members.node }
        var config = ObjectBuilder()
        config.add("tls", .bool(http.tls))
        if let value = http.timeouts { config.add("timeouts", duration: value) }
        if let value = http.proxyTryDuration { config.add("proxy_try_duration", duration: value) }
        if let value = http.proxyFailTimeout { config.add("proxy_fail_timeout", duration: value) }
        if !http.limits.isEmpty { config.add("limits", .string(http.limits)) }
        config.add("proxy_upstream_headers", map: http.proxyUpstreamHeaders)
        members.add("config", config.node.value)
        return members.node
    }

    private static func node(of preference: PlacementPreference) -> JSONNode {
        var members = ObjectBuilder()
        members.add("node_ids", strings: preference.nodeIDs)
        members.add("labels", map: preference.labels.dictionary)
        members.add("spread", strings: preference.spread)
        if let most = preference.maxReplicasPerNode { members.add("max_replicas_per_node", .number("\(most)")) }
        return members.node
    }

    private static func node(of policy: RestartPolicy) -> JSONNode {
        if policy == .never { return JSONNode(.bool(false)) }
        if policy == RestartPolicy(condition: policy.condition) { return JSONNode(.string(policy.condition.rawValue)) }
        var members = ObjectBuilder()
        members.add("condition", .string(policy.condition.rawValue))
        if let retries = policy.maxRetries { members.add("max_retries", .number("\(retries)")) }
        members.add("delay", duration: policy.delay)
        members.add("max_delay", duration: policy.maxDelay)
        return members.node
    }

    private static func node(of resources: Resources) -> JSONNode {
        var members = ObjectBuilder()
        if let millis = resources.cpuMillis { members.add("cpu", .string("\(millis)m")) }
        if let memory = resources.memory { members.add("memory", .number("\(memory)")) }
        if let pids = resources.pids { members.add("pids", .number("\(pids)")) }
        return members.node
    }

    private static func node(of check: HealthCheck) -> JSONNode {
        var members = ObjectBuilder()
        switch check.probe {
        case .exec(let command):
            members.add("type", .string("exec"))
            members.add("command", .array(command.map { JSONNode(.string($0)) }))
        case .tcp(let port):
            members.add("type", .string("tcp"))
            members.add("port", .number("\(port)"))
        case .http(let port, let path):
            members.add("type", .string("http"))
            members.add("port", .number("\(port)"))
            members.add("path", .string(path))
        }
        members.add("interval", duration: check.interval)
        members.add("timeout", duration: check.timeout)
        if check.startPeriod != .zero { members.add("start_period", duration: check.startPeriod) }
        members.add("retries", .number("\(check.retries)"))
        return members.node
    }
}

/// Builds an object, without empty members.
package struct ObjectBuilder {
    private var members: [JSONNode.Member] = []

    package init() {}

    package var node: JSONNode { JSONNode(.object(members)) }

    package mutating func add(_ name: String, _ value: JSONNode.Value) {
        members.append(JSONNode.Member(name, JSONNode(value)))
    }

    package mutating func add(_ name: String, duration: Duration) {
        add(name, .string(GoDuration.format(duration)))
    }

    package mutating func add(_ name: String, strings: [String]) {
        add(name, list: strings.map { JSONNode(.string($0)) })
    }

    package mutating func add(_ name: String, list: [JSONNode]) {
        if !list.isEmpty { add(name, .array(list)) }
    }

    /// Adds a map in the order of its keys.
    package mutating func add(_ name: String, map: [String: String]) {
        let members = map.sorted { $0.key < $1.key }.map { JSONNode.Member($0.key, JSONNode(.string($0.value))) }
        add(name, object: JSONNode(.object(members)))
    }

    package mutating func add(_ name: String, object: JSONNode) {
        if object.value != .object([]) { add(name, object.value) }
    }
}
