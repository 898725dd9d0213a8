extension AppDecoder {
    /// Names that people coming from elsewhere try.
    private static let serviceHints = [
        "instances": "the number of containers is \"replicas\"",
        "command": "what to run is \"process\": {\"args\": […]}",
        "args": "it belongs into \"process\"",
        "env": "it belongs into \"process\"",
        "environment": "it belongs into \"process\", as \"env\"",
        "user": "it belongs into \"process\"",
        "workdir": "it belongs into \"process\"",
        "uid": "it belongs into \"process\"",
        "gid": "it belongs into \"process\"",
        "ports": "ports are \"endpoints\"",
        "volumes": "volumes are \"mounts\"",
        "healthcheck": "did you mean \"health_check\"?",
        "restart_policy": "the policy is \"restart\"",
        "cpu": "it belongs into \"resources\"",
        "memory": "it belongs into \"resources\"",
        "pids": "it belongs into \"resources\"",
        "cpus": "it is \"resources\": {\"cpu\": …}",
        "mem_limit": "it is \"resources\": {\"memory\": …}",
        "entrypoint": "what to run is \"process\": {\"args\": […]}",
        "working_dir": "it is \"process\": {\"workdir\": …}",
        "hostname": "the host name of a container is its id",
        "container_name": "the name of a container is its id, <app>.<service>.<replica>",
        "networks": "every container is in the node's network, unless \"network\" is false",
        "expose": "ports are \"endpoints\"",
        "tmpfs": "it is one of \"mounts\", with \"type\": \"tmpfs\"",
        "depends_on": "all services start at once; a program waits for what it needs",
        "scale": "the number of containers is \"replicas\"",
        "stop_timeout": "it is \"stop_grace_period\"",
        "placement": "did you mean \"placement_preference\"?",
        "cap_add": "it is \"capabilities\": {\"add\": […]}",
        "cap_drop": "it is \"capabilities\": {\"drop\": […]}",
    ]

    /// Long enough for any process to write its state, short enough that a delete ends.
    static let maximumStopGracePeriod = Duration.seconds(3600)

    mutating func service(_ node: JSONNode, _ path: String, app: String? = nil) -> Service? {
        let known = Fields.service
        guard let fields = reader.object(node, path, of: "a service", known: known, hints: Self.serviceHints) else {
            return nil
        }
        var service = Service(name: requiredName(fields, "name", of: "the service") ?? "", image: "")
        service.image = image(fields)
        service.runtime = runtime(fields) ?? service.runtime
        service.snapshotter =
            identifier(fields, "snapshotter", "a snapshotter such as \"overlayfs\"") ?? service.snapshotter
        service.node = nodeID(fields)
        service.process = process(fields)
        service.labels = labels(fields, "labels", reserved: true)
        service.network = reader.bool(fields, "network") ?? true
        service.mounts = mounts(fields)
        service.endpoints = endpoints(fields)
        let preferred = placementPreference(fields, into: &service)
        service.replicas = replicas(fields) ?? preferred ?? 1
        service.restart = restart(fields) ?? service.restart
        service.resources = resources(fields)
        service.healthCheck = healthCheck(fields)
        service.readOnly = reader.bool(fields, "read_only") ?? false
        service.capabilities = capabilities(fields)
        service.privileged = reader.bool(fields, "privileged") ?? false
        service.stopGracePeriod =
            reader.duration(fields, "stop_grace_period", in: .zero...Self.maximumStopGracePeriod)
            ?? service.stopGracePeriod
        checkTogether(service, fields, app: app)
        return service
    }

    /// Rules over more than one field.
    private mutating func checkTogether(_ service: Service, _ fields: DocumentReader.Fields, app: String?) {
        if !service.network, !service.endpoints.isEmpty {
            let message = "a service without network has no endpoints; remove \"network\": false or the endpoints"
            reader.report(fields.path("endpoints"), at: fields.offset("endpoints"), message)
        }
        if service.privileged, !service.capabilities.isEmpty {
            let message = "a privileged service has every capability; remove \"privileged\" or \"capabilities\""
            reader.report(fields.path("capabilities"), at: fields.offset("capabilities"), message)
        }
        guard let app, !service.name.isEmpty else { return }
        let longest = ContainerID(app: app, service: service.name, replica: max(0, service.replicas - 1)).description
        if longest.utf8.count > ContainerID.maximumLength {
            let message =
                "the container id \(quoted(longest)) has \(longest.utf8.count) characters, but it is also the host "
                + "name, which has at most \(ContainerID.maximumLength); shorten the name of the app or of the service"
            reader.report(fields.path("name"), at: fields.offset("name"), message)
        }
    }

    private mutating func image(_ fields: DocumentReader.Fields) -> String {
        guard fields.node("image") != nil else {
            let message = "is missing; name an image such as \"docker.io/library/redis:alpine\""
            reader.report(fields.path("image"), at: fields.offset("image"), message)
            return ""
        }
        guard let text = reader.string(fields, "image") else { return "" }
        do {
            return try ImageReference.parse(text).description
        } catch {
            reader.report(fields.path("image"), at: fields.offset("image"), error.description)
            return ""
        }
    }

    /// A runtime's name, or the path of its binary. Empty means the default, as in every message of the API.
    private mutating func runtime(_ fields: DocumentReader.Fields) -> String? {
        let what = "a runtime such as \"\(Service.defaultRuntime)\""
        if let text = reader.string(fields, "runtime"), text.hasPrefix("/") {
            if let problem = PathRule.problem(with: text) {
                reader.report(fields.path("runtime"), at: fields.offset("runtime"), problem)
                return nil
            }
            return text
        }
        guard case .string? = fields.node("runtime")?.value else { return nil }  // reported above
        return identifier(fields, "runtime", what)
    }

    /// An identifier of containerd: letters and digits with `.`, `_` and `-` inside, at most 76. Empty is absent.
    private mutating func identifier(_ fields: DocumentReader.Fields, _ field: String, _ what: String) -> String? {
        guard let text = reader.string(fields, field), !text.isEmpty else { return nil }
        let fits =
            text.utf8.count <= 76
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
        guard fits else {
            reader.report(fields.path(field), at: fields.offset(field), "\(quoted(text)) is not \(what)")
            return nil
        }
        return text
    }

    /// A node's id is a host name or any other short word. Empty is absent.
    private mutating func nodeID(_ fields: DocumentReader.Fields) -> String? {
        guard let text = reader.string(fields, "node"), !text.isEmpty else { return nil }
        return check(nodeID: text, fields.path("node"), fields.offset("node")) ? text : nil
    }

    private mutating func check(nodeID text: String, _ path: String, _ offset: Int) -> Bool {
        let bad =
            text.isEmpty || text.utf8.count > 253
            || text.unicodeScalars.contains { $0.properties.isWhitespace || $0.value < 0x20 }
        if bad { reader.report(path, at: offset, "\(quoted(text)) is not the id of a node (see sctl cluster nodes)") }
        return !bad
    }

    /// 0 is 1, as the original reads it.
    private mutating func replicas(_ fields: DocumentReader.Fields) -> Int? {
        let range = 0...UInt64(AppFile.maximumReplicas)
        guard let count = reader.integer(fields, "replicas", "a number of replicas", in: range) else { return nil }
        return count == 0 ? nil : Int(count)
    }

    /// Sets the preference; gives its `replicas`, which count where the service has none of its own.
    private mutating func placementPreference(_ fields: DocumentReader.Fields, into service: inout Service) -> Int? {
        let field = "placement_preference"
        guard let node = fields.node(field) else { return nil }
        let known = Fields.placementPreference
        guard let inner = reader.object(node, fields.path(field), of: field, known: known) else { return nil }
        var preference = PlacementPreference()
        for (text, place) in limitedStrings(inner, "node_ids") {
            guard check(nodeID: text, place.path, place.node.offset) else { continue }
            if preference.nodeIDs.contains(text) {
                reader.report(place.path, at: place.node.offset, "\(quoted(text)) is given twice; keep one")
            } else {
                preference.nodeIDs.append(text)
            }
        }
        for (key, value, place) in reader.stringMap(inner, "labels") {
            if key.isEmpty {
                reader.report(place.path, at: place.node.offset, "the label key is empty")
            } else if check(labelKey: key, value: value, place, reserved: false) {
                preference.labels[key] = value
            }
        }
        preference.spread = spread(inner)
        let most = 1...UInt64(AppFile.maximumReplicas)
        preference.maxReplicasPerNode =
            reader.integer(inner, "max_replicas_per_node", "a number of replicas", in: most).map { Int($0) }
        service.placementPreference = preference.isEmpty ? nil : preference
        return replicas(inner)
    }

    /// The keys of labels, or one of them alone.
    private mutating func spread(_ fields: DocumentReader.Fields) -> [String] {
        let field = "spread"
        var keys: [(text: String, path: String, offset: Int)] = []
        if case .string(let text)? = fields.node(field)?.value {
            keys = [(text, fields.path(field), fields.offset(field))]
        } else {
            keys = limitedStrings(fields, field).map { ($0.text, $0.place.path, $0.place.node.offset) }
        }
        var found: [String] = []
        for (text, path, offset) in keys {
            if text.isEmpty || text.contains("=") {
                reader.report(path, at: offset, "\(quoted(text)) is not the key of a node label such as \"zone\"")
            } else if found.contains(text) {
                reader.report(path, at: offset, "\(quoted(text)) is given twice; keep one")
            } else {
                found.append(text)
            }
        }
        return found
    }
}
