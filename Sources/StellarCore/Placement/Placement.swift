/// Chooses a node for each replica of an app.
///
/// Placement is a pure function of the app, the nodes and the assignment before, so all nodes of a cluster choose the
/// same.
public enum Placement {
    /// The nodes that may run a service, in the given order: the one in ``Service/node`` if it is set, else those that
    /// meet the ids or the labels of ``Service/placementPreference``, else all.
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

    /// One node for each replica, replica 0 first; nodes may repeat. Up to the number of candidates, it takes the first
    /// candidates, by id; beyond that it goes round robin over all candidates. Empty if there is no candidate.
    package static func schedule(_ service: Service, on nodes: [Node]) -> [Node] {
        let candidates = candidates(for: service, among: nodes)
        let replicas = max(0, service.replicas)
        guard !candidates.isEmpty else { return [] }
        if replicas <= candidates.count { return candidates.prefix(replicas).sorted { $0.id < $1.id } }
        return (0..<replicas).map { candidates[$0 % candidates.count] }
    }

    /// Places every replica of an app as if no other app ran on the nodes.
    ///
    /// ``assign(_:to:keeping:)-(_,PlacementInput,_)`` also considers other apps, unavailable nodes and platforms.
    ///
    /// - Parameters:
    ///   - app: a valid app; see ``App/validate()``.
    ///   - nodes: the nodes that can take containers, the preferred one first.
    ///   - previous: the assignment before. A replica stays on its node as long as that node may run it. The others go
    ///     to the nodes with the fewest replicas of their service, and among equal nodes to the first.
    /// - Throws: ``PlacementErrors`` with an error for each service that cannot be placed.
    public static func assign(
        _ app: App,
        to nodes: [Node],
        keeping previous: Assignment = Assignment()
    ) throws(PlacementErrors) -> Assignment {
        try assign(app, to: PlacementInput(nodes: nodes, load: nil), keeping: previous)
    }

    /// Places every replica of an app.
    ///
    /// A replica stays on its node as long as that node may run it, also while the node cannot take containers. Any
    /// other replica needs a node that can take containers, may run the service, has the image's platform and enough
    /// unreserved memory, and has fewer replicas than ``PlacementPreference/maxReplicasPerNode``. Among those nodes it
    /// goes to one
    /// 1. with enough unreserved CPUs,
    /// 2. with the fewest replicas of the service, counted by each label of ``PlacementPreference/spread``, then by
    ///   node,
    /// 3. with the fewest containers of all apps,
    /// 4. that comes first in ``PlacementInput/nodes``.
    ///
    /// - Parameters:
    ///   - app: a valid app; see ``App/validate()``.
    ///   - input: the nodes, what they have and what they run.
    ///   - previous: the assignment before.
    /// - Throws: ``PlacementErrors`` with an error for each service that cannot be placed.
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

/// The nodes of a placement: what they have and what they run.
public struct PlacementInput: Sendable, Hashable {
    /// The nodes that can take containers, the preferred one first.
    public var nodes: [Node]
    /// The nodes that cannot take containers at the moment, e.g. unreachable ones. Their replicas stay, and they get no
    /// more.
    public var unavailable: [Node]
    /// The containers of other apps on each node, by the id of the node; a node without an entry has none. nil ignores
    /// other apps, as ``Placement/assign(_:to:keeping:)-(_,[Node],_)`` does.
    public var load: [String: NodeLoad]?
    /// The platforms of each image, by ``Service/image``, in the form of ``NodeCapacity/platform``. An image without an
    /// entry runs on all platforms.
    public var platforms: [String: Set<String>]

    /// Creates an input.
    public init(
        nodes: [Node],
        unavailable: [Node] = [],
        load: [String: NodeLoad]? = [:],
        platforms: [String: Set<String>] = [:]
    ) {
        self.nodes = nodes
        self.unavailable = unavailable
        self.load = load
        self.platforms = platforms
    }
}
