import StellarAPI
import StellarCore
import SwiftProtobuf

// What the API's messages look like as JSON.

extension ApplicationApp: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "name": name, "services": services, "labels": labels, "created_at": hasCreatedAt ? createdAt : nil,
            "definition": definitionInFileForm,
        ]
    }

    /// What was asked for, as `apps create` reads it; the services above are the containers that came of it.
    var definitionInFileForm: JSONNode? {
        hasDefinition ? (try? App(request: definition)).map(AppFile.node(of:)) : nil
    }
}

extension RuntimeService: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "name": name, "image": image, "runtime": runtime, "snapshotter": snapshotter, "node": node,
            "process": hasProcess ? process : nil,
            "labels": labels,
            "network": hasNetwork ? network : nil,
            "mounts": mounts, "endpoints": endpoints, "replicas": replicas,
            "placement_preference": hasPlacementPreference ? placementPreference : nil,
            "restart": hasRestart ? restart : nil,
            "resources": hasResources ? resources : nil,
            "restart_policy": hasRestartPolicy ? restartPolicy : nil,
            "health_check": hasHealthCheck ? healthCheck : nil,
            "capabilities": hasCapabilities ? capabilities : nil,
            "stop_grace_period": hasStopGracePeriod ? stopGracePeriod : nil,
            "read_only": readOnly, "privileged": privileged,
            "status": hasStatus ? status : nil,
        ]
    }
}

extension RuntimeProcess: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["uid": uid, "gid": gid, "args": args, "env": env, "user": user, "workdir": workdir]
    }
}

extension RuntimeMount: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["type": type, "source": source, "destination": destination, "options": options]
    }
}

extension RuntimeEndpoint: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "service": service, "protocol": `protocol`.text, "host": host, "port": port, "config": config,
            "endpoint_config": hasEndpointConfig ? endpointConfig : nil,
        ]
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

extension RuntimePlacementPreference: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "node_ids": nodeIds, "labels": labels, "replicas": replicas, "spread": spread,
            "max_replicas_per_node": maxReplicasPerNode,
        ]
    }
}

extension RuntimeResources: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["cpu_millis": cpuMillis, "memory": memory, "pids": pids]
    }
}

extension RuntimeRestartPolicy: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "condition": condition.text, "max_retries": maxRetries, "delay": hasDelay ? delay : nil,
            "max_delay": hasMaxDelay ? maxDelay : nil,
        ]
    }
}

extension RuntimeRestartPolicy.Condition {
    fileprivate var text: String {
        switch self {
        case .always: "always"
        case .onFailure: "on-failure"
        case .never: "never"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}

extension RuntimeHealthCheck: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "kind": kind.text, "command": command, "port": port, "path": path,
            "interval": hasInterval ? interval : nil, "timeout": hasTimeout ? timeout : nil,
            "start_period": hasStartPeriod ? startPeriod : nil, "retries": retries,
        ]
    }
}

extension RuntimeHealthCheck.Kind {
    fileprivate var text: String {
        switch self {
        case .exec: "exec"
        case .tcpConnect: "tcp"
        case .httpGet: "http"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}

extension RuntimeCapabilities: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["add": add, "drop": drop] }
}

extension RuntimeReplicaStatus: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "state": state, "address": address, "pid": pid, "started_at": hasStartedAt ? startedAt : nil,
            "restarts": restarts, "reason": reason, "node_status": nodeStatus,
            "node_last_seen": hasNodeLastSeen ? nodeLastSeen : nil,
        ]
    }
}

extension RuntimeContainer: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "id": id, "image": image, "labels": labels, "snapshotter": snapshotter, "task": task, "runtime": runtime,
        ]
    }
}

extension RuntimeContainer.Task: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["pid": pid, "status": status, "exit_status": exitStatus]
    }
}

extension RuntimeImage: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["id": id, "digest": digest, "size": size, "created_at": hasCreatedAt ? createdAt : nil]
    }
}

extension HealthNodeHealth: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "os_name": osName, "os_version": osVersion, "started_at": hasStartedAt ? startedAt : nil, "cpus": cpus,
            "memory_total": memoryTotal, "memory_free": memoryFree, "memory_used": memoryUsed,
            "problems": problems.isEmpty ? nil : problems,
        ]
    }
}

extension NameserverRecord: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["type": type.text, "name": name, "value": value, "options": hasOptions ? options : nil]
    }
}

extension ApplicationPlanStep: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["slot": slot, "node": node, "action": action, "note": note]
    }
}
