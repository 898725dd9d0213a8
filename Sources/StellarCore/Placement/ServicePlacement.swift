/// Places the replicas of one service one after the other.
struct ServicePlacement {
    private let service: Service
    private let app: String
    private let input: PlacementInput
    /// The nodes that may run the service by its node and preference.
    private let allowed: [Node]
    /// The allowed nodes that have the platform of its image.
    private let candidates: [Node]
    /// The ids of the nodes whose replicas stay.
    private let keeping: Set<String>
    /// The replicas of this service on each node.
    private var replicas: [String: Int] = [:]
    /// The replicas of this service for each value of each label of the preference's spread.
    private var domains: [[String: Int]]
    /// The containers of all apps on each node.
    private(set) var load: [String: NodeLoad]

    init(_ service: Service, app: String, input: PlacementInput, load: [String: NodeLoad]) {
        self.service = service
        self.app = app
        self.input = input
        self.load = load
        allowed = Placement.candidates(for: service, among: input.nodes)
        let platforms = input.platforms[service.image]
        candidates = allowed.filter { node in
            guard let platforms, let own = node.capacity?.platform else { return true }
            return platforms.contains(own)
        }
        keeping = Set((candidates + Placement.candidates(for: service, among: input.unavailable)).map(\.id))
        domains = (service.placementPreference?.spread ?? []).map { _ in [:] }
    }

    mutating func place(keeping previous: Assignment) -> Result<[(ContainerID, String)], PlacementError> {
        let slots = (0..<max(0, service.replicas)).map {
            ContainerID(app: app, service: service.name, replica: $0)
        }
        var chosen: [ContainerID: String] = [:]
        for slot in slots {
            guard let node = previous[slot], keeping.contains(node) else { continue }
            chosen[slot] = node
            take(node)
        }
        guard !candidates.isEmpty || chosen.count == slots.count else { return .failure(error(nil)) }
        if chosen.isEmpty, input.load == nil, isPlain {
            for (slot, node) in zip(slots, Placement.schedule(service, on: candidates)) { chosen[slot] = node.id }
        }
        for slot in slots where chosen[slot] == nil {
            guard let node = best() else { return .failure(error(slot)) }
            chosen[slot] = node.id
            take(node.id)
        }
        return .success(slots.compactMap { slot in chosen[slot].map { (slot, $0) } })
    }

    /// Whether the number of replicas alone decides.
    private var isPlain: Bool {
        let preference = service.placementPreference ?? PlacementPreference()
        return preference.spread.isEmpty && preference.maxReplicasPerNode == nil && service.resources.memory == nil
            && service.resources.cpuMillis == nil
    }

    /// Counts one more replica on the node.
    private mutating func take(_ node: String) {
        replicas[node, default: 0] += 1
        load[node, default: NodeLoad()].add(service)
        for (index, value) in values(of: node).enumerated() { domains[index][value, default: 0] += 1 }
    }

    /// The values of the node's labels to spread over.
    private func values(of id: String) -> [String] {
        let node = (input.nodes + input.unavailable).first { $0.id == id }
        return (service.placementPreference?.spread ?? []).map { node?.labels[$0] ?? "" }
    }

    private func best() -> Node? {
        candidates.enumerated().filter { hasRoom($0.element) }.min { left, right in
            rank(left.element, left.offset).lexicographicallyPrecedes(rank(right.element, right.offset))
        }?.element
    }

    private func hasRoom(_ node: Node) -> Bool {
        let most = service.placementPreference?.maxReplicasPerNode ?? .max
        return replicas[node.id, default: 0] < most
            && load[node.id, default: NodeLoad()].hasMemory(for: service, on: node.capacity)
    }

    /// The rank of a node; lower is better.
    private func rank(_ node: Node, _ place: Int) -> [Int] {
        let assigned = load[node.id, default: NodeLoad()]
        var rank = [assigned.lacksCPU(for: service, on: node.capacity) ? 1 : 0]
        for (index, value) in values(of: node.id).enumerated() { rank.append(domains[index][value, default: 0]) }
        rank.append(replicas[node.id, default: 0])
        rank.append(input.load == nil ? 0 : assigned.slots)
        rank.append(place)
        return rank
    }

    /// - Parameter slot: the first replica without room; nil if no node may run any replica.
    private func error(_ slot: ContainerID?) -> PlacementError {
        guard let slot else {
            if !allowed.isEmpty, let platforms = input.platforms[service.image] {
                return PlacementError(app: app, service: service, platforms: platforms, nodes: allowed)
            }
            return PlacementError(app: app, service: service, nodes: input.nodes)
        }
        return PlacementError(slot: slot, service: service, nodes: candidates, load: load, replicas: replicas)
    }
}
