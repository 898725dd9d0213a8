import FoundationEssentials
import StellarAPI
import StellarCore
import SwiftProtobuf

// The API's messages as JSON, with the names of their `.proto` files in the order of these.

extension Google_Protobuf_Any {
    /// The type and the bytes, not what they mean: types travel that this program need not know.
    var json: JSONText {
        var members = JSONMembers()
        members.add("type_url", typeURL)
        members.add("value", value.base64EncodedString())
        return members.text
    }
}

extension Google_Protobuf_Timestamp {
    /// RFC 3339, in UTC.
    var json: JSONText {
        // protobuf's JSON mapping of a timestamp is that form in quotes; it fails outside the years 1 to 9999.
        .string((try? jsonString())?.filter { $0 != "\"" } ?? "")
    }
}

extension Google_Protobuf_Duration {
    /// As a Go duration, which the app file takes: `1.5s`.
    var json: JSONText { .string(GoDuration.format(.seconds(seconds) + .nanoseconds(nanos))) }
}

extension ApplicationApp {
    var json: JSONText {
        var members = JSONMembers()
        members.add("name", name)
        members.add("services", services.map(\.json))
        members.add("labels", labels)
        members.add("created_at", hasCreatedAt ? createdAt.json : nil)
        return members.text
    }
}

extension RuntimeService {
    var json: JSONText {
        var members = JSONMembers()
        members.add("name", name)
        members.add("image", image)
        members.add("runtime", runtime)
        members.add("snapshotter", snapshotter)
        members.add("node", node)
        members.add("process", hasProcess ? process.json : nil)
        members.add("labels", labels)
        members.add("network", hasNetwork ? .bool(network) : nil)
        members.add("mounts", mounts.map(\.json))
        members.add("endpoints", endpoints.map(\.json))
        members.add("replicas", replicas)
        members.add("placement_preference", hasPlacementPreference ? placementPreference.json : nil)
        members.add("restart", hasRestart ? .bool(restart) : nil)
        members.add("resources", hasResources ? resources.json : nil)
        members.add("restart_policy", hasRestartPolicy ? restartPolicy.json : nil)
        members.add("health_check", hasHealthCheck ? healthCheck.json : nil)
        members.add("capabilities", hasCapabilities ? capabilities.json : nil)
        members.add("stop_grace_period", hasStopGracePeriod ? stopGracePeriod.json : nil)
        members.add("read_only", readOnly)
        members.add("privileged", privileged)
        members.add("status", hasStatus ? status.json : nil)
        return members.text
    }
}

extension RuntimeProcess {
    var json: JSONText {
        var members = JSONMembers()
        members.add("uid", uid)
        members.add("gid", gid)
        members.add("args", args)
        members.add("env", env)
        members.add("user", user)
        members.add("workdir", workdir)
        return members.text
    }
}

extension RuntimeMount {
    var json: JSONText {
        var members = JSONMembers()
        members.add("type", type)
        members.add("source", source)
        members.add("destination", destination)
        members.add("options", options)
        return members.text
    }
}

extension RuntimeProtocol {
    /// As text, which the app file takes: its numbers are not those of the enum.
    var text: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .http: "http"
        case .unknown, .UNRECOGNIZED: "unknown"
        }
    }
}

extension RuntimeEndpoint {
    var json: JSONText {
        var members = JSONMembers()
        members.add("service", service)
        members.add("protocol", `protocol`.text)
        members.add("host", host)
        members.add("port", port)
        members.add("config", config)
        members.add("endpoint_config", hasEndpointConfig ? endpointConfig.json : nil)
        return members.text
    }
}

extension RuntimePlacementPreference {
    var json: JSONText {
        var members = JSONMembers()
        members.add("node_ids", nodeIds)
        members.add("labels", labels)
        members.add("replicas", replicas)
        return members.text
    }
}

extension RuntimeResources {
    var json: JSONText {
        var members = JSONMembers()
        members.add("cpu_millis", cpuMillis)
        members.add("memory", memory)
        members.add("pids", pids)
        return members.text
    }
}

extension RuntimeRestartPolicy {
    var json: JSONText {
        var members = JSONMembers()
        let name =
            switch condition {
            case .always: "always"
            case .onFailure: "on-failure"
            case .never: "never"
            case .UNRECOGNIZED(let number): "\(number)"
            }
        members.add("condition", name)
        members.add("max_retries", maxRetries)
        members.add("delay", hasDelay ? delay.json : nil)
        members.add("max_delay", hasMaxDelay ? maxDelay.json : nil)
        return members.text
    }
}

extension RuntimeHealthCheck {
    var json: JSONText {
        var members = JSONMembers()
        let name =
            switch kind {
            case .exec: "exec"
            case .tcpConnect: "tcp"
            case .httpGet: "http"
            case .UNRECOGNIZED(let number): "\(number)"
            }
        members.add("kind", name)
        members.add("command", command)
        members.add("port", port)
        members.add("path", path)
        members.add("interval", hasInterval ? interval.json : nil)
        members.add("timeout", hasTimeout ? timeout.json : nil)
        members.add("start_period", hasStartPeriod ? startPeriod.json : nil)
        members.add("retries", retries)
        return members.text
    }
}

extension RuntimeCapabilities {
    var json: JSONText {
        var members = JSONMembers()
        members.add("add", add)
        members.add("drop", drop)
        return members.text
    }
}

extension RuntimeReplicaStatus {
    var json: JSONText {
        var members = JSONMembers()
        members.add("state", state)
        members.add("address", address)
        members.add("pid", pid)
        members.add("started_at", hasStartedAt ? startedAt.json : nil)
        members.add("restarts", restarts)
        members.add("reason", reason)
        return members.text
    }
}

extension RuntimeContainer {
    var json: JSONText {
        var members = JSONMembers()
        members.add("id", id)
        members.add("image", image)
        members.add("labels", labels)
        members.add("snapshotter", snapshotter)
        var task = JSONMembers()
        task.add("pid", self.task.pid)
        task.add("status", self.task.status)
        task.add("exit_status", self.task.exitStatus)
        members.add("task", task.text)
        members.add("runtime", runtime)
        return members.text
    }
}

extension RuntimeImage {
    var json: JSONText {
        var members = JSONMembers()
        members.add("id", id)
        members.add("digest", digest)
        members.add("size", size)
        members.add("created_at", hasCreatedAt ? createdAt.json : nil)
        return members.text
    }
}

extension ClusterNode {
    var json: JSONText {
        var members = JSONMembers()
        members.add("id", id)
        members.add("address", address)
        members.add("labels", labels)
        members.add("status", status)
        members.add("last_seen", hasLastSeen ? lastSeen.json : nil)
        return members.text
    }
}

extension ClusterContainer {
    var json: JSONText {
        var members = JSONMembers()
        members.add("container", container.json)
        members.add("node", node.json)
        return members.text
    }
}

extension ClusterNodeHealth {
    var json: JSONText {
        var members = JSONMembers()
        members.add("node", node.json)
        members.add("health", health.json)
        return members.text
    }
}

extension HealthNodeHealth {
    var json: JSONText {
        var members = JSONMembers()
        members.add("os_name", osName)
        members.add("os_version", osVersion)
        members.add("started_at", hasStartedAt ? startedAt.json : nil)
        members.add("cpus", cpus)
        members.add("memory_total", memoryTotal)
        members.add("memory_free", memoryFree)
        members.add("memory_used", memoryUsed)
        members.add("problems", problems.isEmpty ? nil : .array(problems.map(JSONText.string)))
        return members.text
    }
}

extension NameserverRecord {
    var json: JSONText {
        var members = JSONMembers()
        members.add("type", type.text)
        members.add("name", name)
        members.add("value", value)
        members.add("options", hasOptions ? options.json : nil)
        return members.text
    }
}
