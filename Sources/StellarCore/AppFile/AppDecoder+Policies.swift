extension AppDecoder {
    // MARK: Restart

    /// The policy: true, false, the name of a condition, or an object.
    mutating func restart(_ fields: DocumentReader.Fields) -> RestartPolicy? {
        guard let node = fields.node("restart") else { return nil }
        switch node.value {
        case .bool(let on): return on ? .always : .never
        case .string: return condition(node, fields.path("restart")).map { RestartPolicy(condition: $0) }
        case .object: return restartObject(node, fields.path("restart"))
        default:
            reader.expected(
                "true, false, \"always\", \"on-failure\", \"never\" or an object",
                node,
                fields.path("restart")
            )
            return nil
        }
    }

    private mutating func condition(_ node: JSONNode, _ path: String) -> RestartPolicy.Condition? {
        guard let text = reader.string(node, path) else { return nil }
        let words = [
            "always": RestartPolicy.Condition.always, "on-failure": .onFailure, "on_failure": .onFailure,
            "never": .never,
        ]
        if let condition = words[text.lowercased()] { return condition }
        let message = "\(quoted(text)) is not a restart condition (\"always\", \"on-failure\" or \"never\")"
        reader.report(path, at: node.offset, message)
        return nil
    }

    /// The shortest and the longest wait: with a shorter one, a container that cannot start keeps a CPU busy; with a
    /// longer one, it looks forgotten.
    private static let restartDelays = Duration.milliseconds(100)...Duration.seconds(86_400)
    /// The largest limit of restarts in a row: more are no limit in practice.
    private static let maximumRetries: UInt64 = 1_000_000

    private mutating func restartObject(_ node: JSONNode, _ path: String) -> RestartPolicy? {
        let known = Fields.restart
        guard let fields = reader.object(node, path, of: "a restart policy", known: known) else { return nil }
        var policy = RestartPolicy()
        if let node = fields.node("condition") {
            policy.condition = condition(node, fields.path("condition")) ?? .always
        }
        let retries = reader.integer(fields, "max_retries", "a number of restarts", in: 0...Self.maximumRetries)
        policy.maxRetries = retries.flatMap { $0 == 0 ? nil : Int($0) }
        policy.delay = reader.duration(fields, "delay", in: Self.restartDelays) ?? policy.delay
        let maxDelay = reader.duration(fields, "max_delay", in: Self.restartDelays)
        policy.maxDelay = maxDelay ?? max(policy.maxDelay, policy.delay)
        if let maxDelay, maxDelay < policy.delay {
            let message = "is shorter than \"delay\" (\(GoDuration.format(policy.delay))); raise it, or lower \"delay\""
            reader.report(fields.path("max_delay"), at: fields.offset("max_delay"), message)
        }
        return policy
    }

    // MARK: Resources

    mutating func resources(_ fields: DocumentReader.Fields) -> Resources {
        var resources = Resources()
        let hints = ["cpus": "use \"cpu\"", "mem": "use \"memory\""]
        guard let node = fields.node("resources"),
            let inner = reader.object(
                node,
                fields.path("resources"),
                of: "resources",
                known: Fields.resources,
                hints: hints
            )
        else { return resources }
        resources.cpuMillis = cpu(inner)
        resources.memory = memory(inner)
        resources.pids = reader.integer(inner, "pids", "a number of processes", in: 1...Resources.maximumPids)
        return resources
    }

    /// CPUs as `0.5`, `"0.5"` or `"500m"`, in thousandths.
    private mutating func cpu(_ fields: DocumentReader.Fields) -> UInt64? {
        guard let node = fields.node("cpu") else { return nil }
        let path = fields.path("cpu")
        let shown: String
        let millis: UInt64?
        switch node.value {
        case .number(let text):
            shown = String(text.prefix(40))
            millis = ExactDecimal(text)?.integer(times: 1000)
        case .string(let text):
            shown = quoted(text)
            let isMillis = text.hasSuffix("m")
            millis = ExactDecimal(isMillis ? String(text.dropLast()) : text)?.integer(times: isMillis ? 1 : 1000)
        default:
            reader.expected("CPUs such as 0.5 or \"500m\"", node, path)
            return nil
        }
        guard let millis, (Resources.minimumCPUMillis...Resources.maximumCPUMillis).contains(millis) else {
            let message = "\(shown) is not a number of CPUs such as 0.5 or \"500m\" (0.01 to 8192, in thousandths)"
            reader.report(path, at: node.offset, message)
            return nil
        }
        return millis
    }

    /// Memory in bytes, from a number or a text with a unit.
    private mutating func memory(_ fields: DocumentReader.Fields) -> UInt64? {
        guard let node = fields.node("memory") else { return nil }
        let path = fields.path("memory")
        let bytes: UInt64
        switch node.value {
        case .number(let text):
            guard let value = ExactDecimal(text)?.integer() else {
                let message = "\(text.prefix(40)) is not a number of bytes; write bytes or a text such as \"256MB\""
                reader.report(path, at: node.offset, message)
                return nil
            }
            bytes = value
        case .string(let text):
            do {
                bytes = try HumanSize.parse(text)
            } catch {
                reader.report(path, at: node.offset, error.description)
                return nil
            }
        default:
            reader.expected("bytes or a text such as \"256MB\"", node, path)
            return nil
        }
        guard bytes >= Resources.minimumMemory else {
            let minimum = "\(Resources.minimumMemory >> 20)MiB"
            let message =
                "\(bytes) bytes are too few to start a container; use at least \(minimum), or remove the limit"
            reader.report(path, at: node.offset, message)
            return nil
        }
        return bytes
    }

    // MARK: Health check

    /// The shortest and the longest time between probes.
    private static let healthTimes = Duration.milliseconds(100)...Duration.seconds(86_400)

    mutating func healthCheck(_ fields: DocumentReader.Fields) -> HealthCheck? {
        let known = Fields.healthCheck
        guard let node = fields.node("health_check"),
            let inner = reader.object(node, fields.path("health_check"), of: "a health check", known: known)
        else { return nil }
        let probe = probe(inner)
        var check = HealthCheck(probe: probe ?? .exec(command: []))
        check.interval = reader.duration(inner, "interval", in: Self.healthTimes) ?? check.interval
        check.timeout = reader.duration(inner, "timeout", in: Self.healthTimes) ?? check.timeout
        check.startPeriod = reader.duration(inner, "start_period", in: .zero...Self.healthTimes.upperBound) ?? .zero
        let retries = reader.integer(inner, "retries", "a number of failures", in: 1...1000)
        check.retries = retries.map { Int($0) } ?? check.retries
        return probe == nil ? nil : check
    }

    /// The probe. Without a type, the other fields decide: a command is exec, a path is http, a port alone is tcp.
    private mutating func probe(_ fields: DocumentReader.Fields) -> HealthCheck.Probe? {
        let implied = fields.node("command") != nil ? "exec" : fields.node("path") != nil ? "http" : "tcp"
        var type = implied
        if fields.node("type") != nil {
            guard let text = reader.string(fields, "type") else { return nil }
            type = text.lowercased()
        }
        let wanted: [String: [String]] = ["exec": ["command"], "tcp": ["port"], "http": ["port", "path"]]
        guard let own = wanted[type] else {
            let message = "\(quoted(type)) is not a kind of health check (\"exec\", \"tcp\" or \"http\")"
            reader.report(fields.path("type"), at: fields.offset("type"), message)
            return nil
        }
        for field in ["command", "port", "path"] where fields.node(field) != nil && !own.contains(field) {
            reader.report(
                fields.path(field),
                at: fields.offset(field),
                "is not a field of a health check of type \"\(type)\"; remove it"
            )
        }
        if type == "exec" {
            let command = limitedStrings(fields, "command").map(\.text)
            guard let program = command.first, !program.isEmpty else {
                let message = "is empty; give the program to run and its arguments"
                reader.report(fields.path("command"), at: fields.offset("command"), message)
                return nil
            }
            return .exec(command: command)
        }
        guard let node = fields.node("port") else {
            let message = "is missing; a health check needs \"port\" or \"command\""
            reader.report(fields.path("port"), at: fields.offset("port"), message)
            return nil
        }
        let port = reader.port(node, fields.path("port"))
        let path = httpPath(fields)
        guard let port else { return nil }
        return type == "tcp" ? .tcp(port: port) : path.map { .http(port: port, path: $0) }
    }

    private mutating func httpPath(_ fields: DocumentReader.Fields) -> String? {
        guard fields.node("path") != nil else { return "/" }
        guard let text = reader.string(fields, "path") else { return nil }
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            let message = "\(quoted(text)) is not the path of a URL such as \"/healthz\""
            reader.report(fields.path("path"), at: fields.offset("path"), message)
            return nil
        }
        return text
    }
}
