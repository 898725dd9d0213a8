/// An app with the node of each of its replicas.
public struct PlacedApp: Sendable, Hashable {
    /// The app.
    public var app: App
    /// The node of each replica.
    public var assignment: Assignment

    /// Creates a placed app.
    public init(_ app: App, on assignment: Assignment) {
        self.app = app
        self.assignment = assignment
    }
}

/// The steps from one placed app to another: what each node has to do.
///
/// It is a pure function of both. `stellar` derives a plan for each create, scale and delete, and `--dry-run` prints
/// it.
public struct PlacementPlan: Sendable, Hashable {
    /// What a node does with a replica. Raw values are the words of `--dry-run`.
    public enum Action: String, Sendable, Hashable, CaseIterable {
        /// Creates the container.
        case create
        /// Recreates the container: the service has changed, and a container cannot change with it.
        case replace
        /// Keeps the container: nothing has changed, or only fields that need no new container, such as
        /// ``Service/replicas`` and ``Service/restart``.
        case keep
        /// Removes the container.
        case remove
    }

    /// One step: what one node does with one replica.
    public struct Step: Sendable, Hashable, CustomStringConvertible {
        /// The id of the replica.
        public let slot: ContainerID
        /// The service of the replica: the new one, or for ``Action/remove`` the old one.
        public let service: Service
        /// The id of the node that does it.
        public let node: String
        /// What the node does.
        public let action: Action
        /// The id of the node that the replica leaves; nil if it does not move.
        public let source: String?

        init(_ action: Action, _ slot: ContainerID, _ service: Service, on node: String, from source: String? = nil) {
            self.slot = slot
            self.service = service
            self.node = node
            self.action = action
            self.source = source
        }

        /// The step as text: `create shop.web.2 on ctr-01`, with `(moves from ctr-00)` if the replica moves.
        public var description: String {
            "\(action.rawValue) \(slot) on \(node)" + (source.map { " (moves from \($0))" } ?? "")
        }
    }

    /// The steps in the order of the replicas. For a replica that moves, the removal comes before the creation.
    public let steps: [Step]

    /// Derives the steps.
    ///
    /// - Parameters:
    ///   - old: the current app; nil if it does not exist yet.
    ///   - new: the app as it should be; nil deletes it.
    public init(from old: PlacedApp?, to new: PlacedApp?) {
        var before: [ContainerID: (node: String, service: Service)] = [:]
        for (slot, node) in old?.assignment.entries ?? [] {
            before[slot] = old?.app.service(named: slot.service).map { (node, $0) }
        }
        var hashes: [Service: SpecificationHash] = [:]
        func hash(_ service: Service) -> SpecificationHash {
            if let known = hashes[service] { return known }
            let made = SpecificationHash(of: service)
            hashes[service] = made
            return made
        }
        var steps: [Step] = []
        for (slot, node) in new?.assignment.entries ?? [] {
            guard let service = new?.app.service(named: slot.service) else { continue }
            guard let was = before.removeValue(forKey: slot) else {
                steps.append(Step(.create, slot, service, on: node))
                continue
            }
            if was.node != node {
                steps.append(Step(.remove, slot, was.service, on: was.node))
                steps.append(Step(.create, slot, service, on: node, from: was.node))
            } else {
                let isSame = was.service == service || hash(was.service) == hash(service)
                steps.append(Step(isSame ? .keep : .replace, slot, service, on: node))
            }
        }
        for (slot, was) in before { steps.append(Step(.remove, slot, was.service, on: was.node)) }
        self.steps = steps.sorted {
            ($0.slot, $0.action == .remove ? 0 : 1) < ($1.slot, $1.action == .remove ? 0 : 1)
        }
    }
}
