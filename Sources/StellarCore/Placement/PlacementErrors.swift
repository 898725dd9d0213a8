/// A service that no node can run.
public struct PlacementError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The app's name.
    public let app: String
    /// The service's name.
    public let service: String
    /// The whole sentence: what the service asks for, and which nodes there are.
    public let description: String

    /// No node is one that the service says it may run on.
    init(app: String, service: Service, nodes: [Node]) {
        self.app = app
        self.service = service.name
        let name = "service \(app).\(service.name)"
        let there =
            nodes.isEmpty
            ? "there is no node to run it"
            : "the nodes are " + nodes.map { $0.id + Self.text(of: $0.labels) }.joined(separator: ", ")
        if nodes.isEmpty {
            description = "\(name) cannot be placed: \(there)"
        } else if let pinned = service.node {
            description = "\(name) is pinned to node \(quoted(pinned)), which is not there; \(there)"
        } else {
            let preference = service.placementPreference ?? PlacementPreference()
            var wanted: [String] = []
            if !preference.nodeIDs.isEmpty {
                wanted.append("is one of " + preference.nodeIDs.map { quoted($0) }.joined(separator: ", "))
            }
            if !preference.labels.isEmpty {
                wanted.append("has the labels " + preference.labels.list.joined(separator: ", "))
            }
            description =
                "no node meets the placement_preference of \(name), which wants a node that "
                + wanted.joined(separator: " or ") + "; \(there)"
        }
    }

    /// The image is there for none of the nodes.
    init(app: String, service: Service, platforms: Set<String>, nodes: [Node]) {
        self.app = app
        self.service = service.name
        let there = nodes.map { "\($0.id) (\($0.capacity?.platform ?? "unknown"))" }.joined(separator: ", ")
        description =
            "service \(app).\(service.name) cannot be placed: \(service.image) is there for "
            + platforms.sorted().joined(separator: ", ") + ", and the nodes are \(there)"
    }

    /// Some replicas have a place, and the next has none.
    init(slot: ContainerID, service: Service, nodes: [Node], load: [String: NodeLoad], replicas: [String: Int]) {
        app = slot.app
        self.service = service.name
        var wants: [String] = []
        if let most = service.placementPreference?.maxReplicasPerNode {
            wants.append("a node with fewer than \(most) of its replicas")
        }
        if let memory = service.resources.memory { wants.append("\(HumanSize.format(memory)) of memory") }
        let there = nodes.map { node in
            let has = load[node.id] ?? NodeLoad()
            var parts = ["\(replicas[node.id] ?? 0) of its replicas"]
            if let capacity = node.capacity {
                let free = capacity.memory - min(has.memory, capacity.memory)
                parts.append("\(HumanSize.format(free)) of \(HumanSize.format(capacity.memory)) not promised yet")
            }
            return "\(node.id) (\(parts.joined(separator: ", ")))"
        }
        description =
            "there is no room for \(slot), which wants \(wants.joined(separator: " and ")); the nodes it may run on are "
            + there.joined(separator: ", ")
    }

    private static func text(of labels: Labels) -> String {
        labels.isEmpty ? "" : " (\(labels.list.joined(separator: ", ")))"
    }
}

/// Every service of an app that no node can run. Never empty.
public struct PlacementErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errors in the order of the services.
    public let errors: [PlacementError]

    /// Makes a list.
    public init(_ errors: [PlacementError]) {
        self.errors = errors
    }

    /// One line for each.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
