extension AppDecoder {
    /// Hints for the field names of other tools.
    static let serviceHints = [
        "instances": "use \"replicas\"",
        "command": "use \"process\": {\"args\": […]}",
        "args": "put it in \"process\"",
        "env": "put it in \"process\"",
        "environment": "put it in \"process\", as \"env\"",
        "user": "put it in \"process\"",
        "workdir": "put it in \"process\"",
        "uid": "put it in \"process\"",
        "gid": "put it in \"process\"",
        "ports": "use \"endpoints\"",
        "volumes": "use \"mounts\"",
        "healthcheck": "did you mean \"health_check\"?",
        "restart_policy": "use \"restart\"",
        "cpu": "put it in \"resources\"",
        "memory": "put it in \"resources\"",
        "pids": "put it in \"resources\"",
        "cpus": "use \"resources\": {\"cpu\": …}",
        "mem_limit": "use \"resources\": {\"memory\": …}",
        "entrypoint": "use \"process\": {\"args\": […]}",
        "working_dir": "use \"process\": {\"workdir\": …}",
        "hostname": "the host name of a container is its id, <app>.<service>.<replica>",
        "container_name": "the id of a container is <app>.<service>.<replica>",
        "networks": "containers join the cluster's network unless \"network\" is false",
        "expose": "use \"endpoints\"",
        "tmpfs": "use \"mounts\" with \"type\": \"tmpfs\"",
        "depends_on": "services start together; make the program wait for the services that it needs",
        "scale": "use \"replicas\"",
        "stop_timeout": "use \"stop_grace_period\"",
        "placement": "did you mean \"placement_preference\"?",
        "cap_add": "use \"capabilities\": {\"add\": […]}",
        "cap_drop": "use \"capabilities\": {\"drop\": […]}",
    ]

    /// The longest grace period: enough for a process to save its state, and a delete still ends.
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

    /// Checks rules of several fields.
    private mutating func checkTogether(_ service: Service, _ fields: DocumentReader.Fields, app: String?) {
        if !service.network, !service.endpoints.isEmpty {
            let message = "a service without network cannot have endpoints; remove \"network\": false or the endpoints"
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
                "the container id \(quoted(longest)) has \(longest.utf8.count) characters; the limit is "
                + "\(ContainerID.maximumLength), because it is also the host name; shorten the name of the app or of "
                + "the service"
            reader.report(fields.path("name"), at: fields.offset("name"), message)
        }
    }

    private mutating func image(_ fields: DocumentReader.Fields) -> String {
        guard fields.node("image") != nil else {
            let message = "is missing; give an image such as \"docker.io/library/redis:alpine\""
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

    /// The name of a runtime or the path of its binary; nil if it is missing or empty, as in messages of the API.
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

    /// An identifier of containerd: at most 76 letters, digits, `.`, `_` and `-`; nil if it is missing or empty.
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

    /// The id of a node; nil if it is missing or empty.
    private mutating func nodeID(_ fields: DocumentReader.Fields) -> String? {
        guard let text = reader.string(fields, "node"), !text.isEmpty else { return nil }
        return check(nodeID: text, fields.path("node"), fields.offset("node")) ? text : nil
    }

    private mutating func check(nodeID text: String, _ path: String, _ offset: Int) -> Bool {
        let bad =
            text.isEmpty || text.utf8.count > 253
            || text.unicodeScalars.contains { $0.properties.isWhitespace || $0.value < 0x20 }
        if bad {
            reader.report(
                path,
                at: offset,
                "\(quoted(text)) is not the id of a node; run \"sctl cluster nodes\" for the ids"
            )
        }
        return !bad
    }

    /// The number of replicas; nil for 0, which means the default as in the original.
    private mutating func replicas(_ fields: DocumentReader.Fields) -> Int? {
        let range = 0...UInt64(AppFile.maximumReplicas)
        guard let count = reader.integer(fields, "replicas", "a number of replicas", in: range) else { return nil }
        return count == 0 ? nil : Int(count)
    }

    /// Decodes the preference; returns its `replicas`, which apply if the service has none of its own.
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

    /// The label keys of a spread: a list, or one string.
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
