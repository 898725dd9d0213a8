extension AppDecoder {
    /// The names of all fields, by object. `Docs/AppFile.md` has a row for each.
    enum Fields {
        static let app = ["name", "labels", "services"]
        static let service = [
            "name", "image", "runtime", "snapshotter", "node", "process", "labels", "network", "mounts", "endpoints",
            "replicas", "placement_preference", "restart", "resources", "health_check", "read_only", "capabilities",
            "privileged", "stop_grace_period",
        ]
        static let process = ["uid", "gid", "user", "args", "env", "workdir"]
        static let capabilities = ["add", "drop"]
        static let mount = ["type", "source", "destination", "options"]
        static let endpoint = ["service", "protocol", "host", "port", "config"]
        static let http = [
            "tls", "timeouts", "proxy_try_duration", "proxy_fail_timeout", "limits", "proxy_upstream_headers",
        ]
        static let placementPreference = ["node_ids", "labels", "replicas", "spread", "max_replicas_per_node"]
        static let restart = ["condition", "max_retries", "delay", "max_delay"]
        static let resources = ["cpu", "memory", "pids"]
        static let healthCheck = [
            "type", "command", "port", "path", "interval", "timeout", "start_period", "retries",
        ]

        static let all =
            [app, service, process, capabilities, mount, endpoint, http, placementPreference, restart, resources]
            .flatMap { $0 } + healthCheck
    }
}
