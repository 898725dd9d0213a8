/// Which node runs which replica: a pure function of the app, the nodes and what was decided before, so every node of
/// the cluster comes to the same answer.
public enum Placement {
    /// The nodes that may run a service, in the order given. A pinned service has one candidate at most; without a
    /// preference every node is one; else those listed in it, or those that have all its labels (an empty value on
    /// the node matches any wanted value).
    public static func candidates(for service: Service, among nodes: [Node]) -> [Node] {
        if let pinned = service.node { return nodes.filter { $0.id == pinned } }
        guard let preference = service.placementPreference, !preference.isEmpty else { return nodes }
        return nodes.filter { node in
            preference.nodeIDs.contains(node.id) || (!preference.labels.isEmpty && meets(preference.labels, node))
        }
    }

    private static func meets(_ wanted: Labels, _ node: Node) -> Bool {
        wanted.allSatisfy { key, value in
            guard let has = node.labels[key] else { return false }
            return has.isEmpty || has == value
        }
    }

    /// One node for each replica, replica 0 first; nodes may repeat. Up to as many replicas as there are candidates,
    /// the first so many candidates, by id; beyond that round robin over the candidates. Empty without a candidate.
    public static func schedule(_ service: Service, on nodes: [Node]) -> [Node] {
        let candidates = candidates(for: service, among: nodes)
        let replicas = max(0, service.replicas)
        guard !candidates.isEmpty else { return [] }
        if replicas <= candidates.count { return candidates.prefix(replicas).sorted { $0.id < $1.id } }
        return (0..<replicas).map { candidates[$0 % candidates.count] }
    }

    /// Places every slot of an app.
    ///
    /// - Parameters:
    ///   - app: a valid app.
    ///   - nodes: the nodes that can take containers, the preferred one first.
    ///   - previous: what was decided before. A slot stays where it was as long as its node is a candidate; the others
    ///     go to the candidates with the fewest slots of their service, the earlier one among equals.
    /// - Throws: ``PlacementErrors`` that name every service no node can run, and what it asks for.
    public static func assign(
        _ app: App,
        to nodes: [Node],
        keeping previous: Assignment = Assignment()
    ) throws(PlacementErrors) -> Assignment {
        var assignment = Assignment()
        var errors: [PlacementError] = []
        for service in app.services {
            let candidates = candidates(for: service, among: nodes)
            guard !candidates.isEmpty else {
                errors.append(PlacementError(app: app.name, service: service, nodes: nodes))
                continue
            }
            let slots = (0..<max(0, service.replicas)).map {
                ContainerID(app: app.name, service: service.name, replica: $0)
            }
            let ids = Set(candidates.map(\.id))
            let kept = slots.filter { slot in previous[slot].map(ids.contains) ?? false }
            if kept.isEmpty {
                for (slot, node) in zip(slots, schedule(service, on: nodes)) { assignment[slot] = node.id }
            } else {
                fill(slots, candidates, keeping: previous, into: &assignment)
            }
        }
        guard errors.isEmpty else { throw PlacementErrors(errors) }
        return assignment
    }

    private static func fill(
        _ slots: [ContainerID],
        _ candidates: [Node],
        keeping previous: Assignment,
        into assignment: inout Assignment
    ) {
        let index = Dictionary(candidates.enumerated().map { ($1.id, $0) }, uniquingKeysWith: min)
        var load = [Int](repeating: 0, count: candidates.count)
        var open: [ContainerID] = []
        for slot in slots {
            if let node = previous[slot], let candidate = index[node] {
                assignment[slot] = node
                load[candidate] += 1
            } else {
                open.append(slot)
            }
        }
        for slot in open {
            let least = load.indices.min { (load[$0], $0) < (load[$1], $1) } ?? 0
            assignment[slot] = candidates[least].id
            load[least] += 1
        }
    }
}

/// A service that no node can run.
public struct PlacementError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The app's name.
    public let app: String
    /// The service's name.
    public let service: String
    /// The whole sentence: what the service asks for, and which nodes there are.
    public let description: String

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
