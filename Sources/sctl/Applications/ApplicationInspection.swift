import StellarAPI
import StellarCore

/// The text of `apps inspect`: a block per service in the form of the original's README, then what is ours: the rest of
/// the labels, the endpoints and the replicas.
struct ApplicationInspection {
    let app: ApplicationApp

    init(_ app: ApplicationApp) {
        self.app = app
    }

    var text: String {
        var lines = ["Name: \(app.name)", "", "Services:"]
        for block in services {
            lines += block.lines
            lines.append("")
        }
        return lines.map(\.singleLine).joined(separator: "\n") + "\n"
    }

    /// The containers of each service, services by name and replicas in order.
    private var services: [ServiceBlock] {
        var names: [String] = []
        var containers: [String: [RuntimeService]] = [:]
        for container in app.services {
            let name = ReplicaName(container.name).service
            if containers[name] == nil { names.append(name) }
            containers[name, default: []].append(container)
        }
        return names.sorted().map { name in
            let replicas = (containers[name] ?? []).sorted { ReplicaName($0.name) < ReplicaName($1.name) }
            return ServiceBlock(name: name, replicas: replicas)
        }
    }
}

/// A container id cut into its service and its number; an id in another form is a service by itself.
struct ReplicaName: Comparable {
    let service: String
    let number: UInt32

    init(_ id: String) {
        if let dot = id.lastIndex(of: "."), let number = UInt32(id[id.index(after: dot)...]), dot != id.startIndex {
            service = String(id[..<dot])
            self.number = number
        } else {
            service = id
            number = 0
        }
    }

    static func < (left: ReplicaName, right: ReplicaName) -> Bool {
        (left.service, left.number) < (right.service, right.number)
    }
}

private struct ServiceBlock {
    let name: String
    /// At least one; they are alike but for their place.
    let replicas: [RuntimeService]

    var lines: [String] {
        guard let first = replicas.first else { return [] }
        var lines = [
            "  Name: \(name)",
            "  Image: \(first.image)",
            "  Runtime: \(first.runtime)",
            "  Snapshotter: \(first.snapshotter)",
        ]
        if !first.labels.isEmpty {
            lines.append("  Labels:")
            lines += LabelOrder.sorted(first.labels).map { "    \($0)" }
        }
        if !first.endpoints.isEmpty {
            lines.append("  Endpoints:")
            for endpoint in first.endpoints { lines += Self.lines(endpoint) }
        }
        return lines + replicaLines
    }

    private static func lines(_ endpoint: RuntimeEndpoint) -> [String] {
        [
            "    - Service: \(endpoint.service)",
            "      Protocol: \(endpoint.protocol.text.uppercased())",
            "      Host: \(endpoint.host)",
            "      Port: \(endpoint.port)",
        ]
    }

    /// Node, address and state. An original daemon reports only the node.
    private var replicaLines: [String] {
        guard replicas.contains(where: \.hasStatus) else { return [] }
        var lines = ["  Replicas:"]
        for replica in replicas {
            lines.append("    - Name: \(replica.name)")
            if !replica.node.isEmpty { lines.append("      Node: \(replica.node)\(Self.absence(replica.status))") }
            if !replica.status.address.isEmpty { lines.append("      Address: \(replica.status.address)") }
            if replica.hasStatus { lines.append("      Status: \(Self.status(replica.status))") }
            if replica.status.restarts > 0 { lines.append("      Restarts: \(replica.status.restarts)") }
        }
        return lines
    }

    private static func absence(_ status: RuntimeReplicaStatus) -> String {
        status.isAway ? " (\(status.nodeStatus))" : ""
    }

    private static func status(_ status: RuntimeReplicaStatus) -> String {
        let state = status.state.isEmpty ? "unknown" : status.state
        return status.reason.isEmpty ? state : "\(state) (\(status.reason))"
    }
}

/// The labels of the original's README first and in its order, then all others.
private enum LabelOrder {
    private static let first = ["containerd.io/restart.status", "stellar.io/application", "stellar.io/network"]

    static func sorted(_ labels: [String]) -> [String] {
        let ranked = labels.map { label in
            (rank: first.firstIndex(of: String(label.prefix { $0 != "=" })) ?? first.count, label: label)
        }
        return ranked.sorted { ($0.rank, $0.label) < ($1.rank, $1.label) }.map(\.label)
    }
}
