/// A service that cannot be placed.
public struct PlacementError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why the service cannot be placed.
    public enum Reason: Sendable, Hashable {
        /// There are no nodes.
        case noNodes
        /// The nodes do not include the one in ``Service/node``.
        case pinnedNodeMissing
        /// No node meets ``Service/placementPreference``.
        case preferenceUnmet
        /// The image has none of the platforms of the nodes.
        case platformMismatch
        /// The nodes that may run the service have no room for this replica: too little unreserved memory, or already
        /// ``PlacementPreference/maxReplicasPerNode`` replicas each.
        case noRoom(ContainerID)
    }

    /// The app's name.
    public let app: String
    /// The service's name.
    public let service: String
    /// Why the service cannot be placed.
    public let reason: Reason
    /// The message: what the service needs, and what the nodes have.
    public let description: String

    /// An error for a service that none of the nodes may run.
    init(app: String, service: Service, nodes: [Node]) {
        self.app = app
        self.service = service.name
        let start = "cannot place service \(app).\(service.name): "
        let available = "the nodes are " + nodes.map { $0.id + Self.text(of: $0.labels) }.joined(separator: ", ")
        if nodes.isEmpty {
            reason = .noNodes
            description = start + "no node can take containers"
        } else if let pinned = service.node {
            reason = .pinnedNodeMissing
            description = start + "its node \(quoted(pinned)) cannot take containers; \(available)"
        } else {
            reason = .preferenceUnmet
            let preference = service.placementPreference ?? PlacementPreference()
            var needs: [String] = []
            if !preference.nodeIDs.isEmpty {
                needs.append("is one of " + preference.nodeIDs.map { quoted($0) }.joined(separator: ", "))
            }
            if !preference.labels.isEmpty {
                needs.append("has the labels " + preference.labels.list.joined(separator: ", "))
            }
            description =
                start + "placement_preference needs a node that " + needs.joined(separator: " or ") + "; \(available)"
        }
    }

    /// An error for a service whose image has none of the platforms of the nodes.
    init(app: String, service: Service, platforms: Set<String>, nodes: [Node]) {
        self.app = app
        self.service = service.name
        reason = .platformMismatch
        let available = nodes.map { "\($0.id) (\($0.capacity?.platform ?? "unknown"))" }.joined(separator: ", ")
        description =
            "cannot place service \(app).\(service.name): the platforms of image \(service.image) are "
            + platforms.sorted().joined(separator: ", ") + "; the nodes are \(available)"
    }

    /// An error for the first replica that has no node, after others have one.
    init(slot: ContainerID, service: Service, nodes: [Node], load: [String: NodeLoad], replicas: [String: Int]) {
        app = slot.app
        self.service = service.name
        reason = .noRoom(slot)
        var needs: [String] = []
        if let most = service.placementPreference?.maxReplicasPerNode {
            needs.append("fewer than \(most) replicas of the service")
        }
        if let memory = service.resources.memory { needs.append("\(HumanSize.format(memory)) of unreserved memory") }
        let available = nodes.map { node in
            let has = load[node.id] ?? NodeLoad()
            var parts = ["\(replicas[node.id] ?? 0) replicas"]
            if let capacity = node.capacity {
                let free = capacity.memory - min(has.memory, capacity.memory)
                parts.append("\(HumanSize.format(free)) of \(HumanSize.format(capacity.memory)) unreserved")
            }
            return "\(node.id) (\(parts.joined(separator: ", ")))"
        }
        description =
            "cannot place \(slot): no node that may run it has \(needs.joined(separator: " and ")); those nodes are "
            + available.joined(separator: ", ")
    }

    private static func text(of labels: Labels) -> String {
        labels.isEmpty ? "" : " (\(labels.list.joined(separator: ", ")))"
    }
}

/// All services of an app that cannot be placed. Never empty.
public struct PlacementErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errors in the order of the services.
    public let errors: [PlacementError]

    /// Creates a list.
    init(_ errors: [PlacementError]) {
        self.errors = errors
    }

    /// The messages, one on each line.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
