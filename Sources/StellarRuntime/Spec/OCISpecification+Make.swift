import StellarCore

extension OCISpecification {
    /// The specification of a container: containerd's defaults, overridden by the image's configuration, overridden by
    /// the service.
    ///
    /// - Throws: ``SpecError`` if neither the image nor the service names a program, or if the service adds a
    ///   capability that the daemon does not have.
    package static func make(_ input: SpecInput) throws(SpecError) -> OCISpecification {
        let service = input.service
        let capabilities = try SpecDefaults.capabilities(service, of: input.host)
        let linux = Linux(
            resources: try resources(input),
            cgroupsPath: "/\(input.namespace)/\(input.id)",
            namespaces: namespaces(input),
            devices: service.privileged ? input.hostDevices : nil,
            seccomp: service.privileged ? nil : SeccompProfile.standard(capabilities: capabilities),
            maskedPaths: service.privileged ? [] : SpecDefaults.maskedPaths,
            readonlyPaths: service.privileged ? [] : SpecDefaults.readonlyPaths
        )
        return OCISpecification(
            process: Process(
                user: User(uid: input.user.uid, gid: input.user.gid, additionalGids: input.user.additionalGids),
                args: try arguments(input),
                env: environment(input),
                cwd: service.process.workdir ?? nonEmpty(input.image.workingDirectory) ?? "/",
                capabilities: Capabilities(bounding: capabilities, effective: capabilities, permitted: capabilities),
                rlimits: [SpecDefaults.openFiles],
                noNewPrivileges: !service.privileged
            ),
            root: Root(path: "rootfs", readonly: service.readOnly),
            hostname: input.id,
            mounts: SpecMounts.make(input),
            annotations: [containerAnnotation: input.id],
            linux: linux
        )
    }

    /// The service's arguments replace both entrypoint and command, as the app file documents.
    private static func arguments(_ input: SpecInput) throws(SpecError) -> [String] {
        let own = input.service.process.args
        let arguments = own.isEmpty ? input.image.entrypoint + input.image.command : own
        guard !arguments.isEmpty else {
            throw SpecError(
                description: "service \(input.service.name): image \(input.service.image) has no program to run; "
                    + "set one in process.args"
            )
        }
        return arguments
    }

    /// The image's environment in its order, with the service's variables in place of its own.
    private static func environment(_ input: SpecInput) -> [String] {
        var names: [Substring] = []
        var entries: [Substring: String] = [:]
        for entry in [SpecDefaults.path] + input.image.environment + input.service.process.env {
            let name = entry.prefix { $0 != "=" }
            if entries.updateValue(entry, forKey: name) == nil { names.append(name) }
        }
        return names.compactMap { entries[$0] }
    }

    private static func namespaces(_ input: SpecInput) -> [Namespace] {
        var types = ["pid", "ipc", "uts", "mount"].map { Namespace(type: $0) }
        types.append(Namespace(type: "network", path: input.networkNamespace))
        // On v1 a cgroup namespace would hide the container's own limits, which runc binds by their host paths.
        if input.host.unifiedCgroups { types.append(Namespace(type: "cgroup")) }
        return types
    }

    /// - Throws: ``SpecError`` for a limit that this node's kernel cannot enforce, so that it is not silently ignored.
    private static func resources(_ input: SpecInput) throws(SpecError) -> Resources {
        let limits = input.service.resources
        for (name, isAsked, controller) in [
            ("cpu", limits.cpuMillis != nil, "cpu"), ("memory", limits.memory != nil, "memory"),
            ("pids", limits.pids != nil, "pids"),
        ] where isAsked && !input.host.controllers.contains(controller) {
            throw SpecError(
                description: "service \(input.service.name): resources.\(name): this node has no cgroup controller "
                    + "\"\(controller)\"; enable it (a kernel parameter such as cgroup_enable=\(controller)), or leave the "
                    + "limit out"
            )
        }
        return Resources(
            devices: [DeviceRule(allow: input.service.privileged, access: "rwm")],
            cpu: limits.cpuMillis.map {
                // The kernel's own default period, 100 ms: a thousandth of a CPU is 100 µs of it.
                Resources.CPU(quota: Int64(clamping: $0) * 100, period: 100_000)
            },
            memory: limits.memory.map {
                // The same limit for both leaves no swap, so that the limit is the whole memory.
                let bytes = Int64(clamping: $0)
                return Resources.Memory(limit: bytes, swap: input.host.limitsSwap ? bytes : nil)
            },
            pids: limits.pids.map { Resources.Pids(limit: Int64(clamping: $0)) }
        )
    }

    private static func nonEmpty(_ text: String) -> String? {
        text.isEmpty ? nil : text
    }
}
