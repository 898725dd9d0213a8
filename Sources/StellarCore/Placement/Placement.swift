/// Which node runs which replica: a pure function of the app, the nodes and what was decided before, so every node of
/// the cluster comes to the same answer.
public enum Placement {
    /// The nodes that may run a service, in the order given. A pinned service has one candidate at most; without ids and
    /// labels in its preference every node is one; else those listed in it, or those that have all its labels (an empty
    /// value on the node matches any wanted value).
    public static func candidates(for service: Service, among nodes: [Node]) -> [Node] {
        if let pinned = service.node { return nodes.filter { $0.id == pinned } }
        guard let preference = service.placementPreference, !preference.allowsEveryNode else { return nodes }
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

    /// Places every slot of an app, on nodes of which nothing more is known than their labels.
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
        try assign(app, to: PlacementInput(nodes: nodes, load: nil), keeping: previous)
    }

    /// Places every slot of an app.
    ///
    /// A slot stays where it was as long as its node is one that may run it, also while that node is away. Any other goes to
    /// a node that can take containers, may run it, has the image's platform, the memory that the service asks for, and
    /// fewer of its replicas than the preference allows; among those to one whose CPUs are not all promised yet, then
    /// where the fewest replicas of its service are, by the labels to spread over first and by node next, then where the
    /// fewest containers are at all, then to the earlier one.
    ///
    /// - Parameters:
    ///   - app: a valid app.
    ///   - input: the nodes and what they have and run.
    ///   - previous: what was decided before.
    /// - Throws: ``PlacementErrors`` that name every service no node can run, what it asks for and what there is.
    public static func assign(
        _ app: App,
        to input: PlacementInput,
        keeping previous: Assignment = Assignment()
    ) throws(PlacementErrors) -> Assignment {
        var assignment = Assignment()
        var load = input.load ?? [:]
        var errors: [PlacementError] = []
        for service in app.services {
            var placing = ServicePlacement(service, app: app.name, input: input, load: load)
            switch placing.place(keeping: previous) {
            case .success(let chosen):
                for (slot, node) in chosen { assignment[slot] = node }
                load = placing.load
            case .failure(let error): errors.append(error)
            }
        }
        guard errors.isEmpty else { throw PlacementErrors(errors) }
        return assignment
    }
}

/// What a placement depends on beside the app.
public struct PlacementInput: Sendable, Hashable {
    /// The nodes that can take containers, the preferred one first.
    public var nodes: [Node]
    /// Nodes that cannot at the moment. Slots that are there stay there; none is added.
    public var away: [Node]
    /// What other apps have on each node, by its id; a node that is missing has none. nil: that does not count, and
    /// replicas are placed as ``Placement/schedule(_:on:)`` does.
    public var load: [String: NodeLoad]?
    /// The platforms that an image is there for, as in ``NodeCapacity/platform``; an image that is missing is taken to be
    /// there for all.
    public var platforms: [String: Set<String>]

    /// Makes an input.
    public init(
        nodes: [Node],
        away: [Node] = [],
        load: [String: NodeLoad]? = [:],
        platforms: [String: Set<String>] = [:]
    ) {
        self.nodes = nodes
        self.away = away
        self.load = load
        self.platforms = platforms
    }
}
