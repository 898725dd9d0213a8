import StellarCore

/// What it takes for all nodes to go from an app as it was to the app as it should be.
struct AppPlan: Sendable, Hashable {
    enum Action: String, Sendable, Hashable {
        case create
        /// There before and after, but its container must be another.
        case replace
        /// The container is what it should be; whether it runs is another matter.
        case keep
        case remove
    }

    struct Step: Sendable, Hashable {
        var slot: Slot
        var node: String
        var action: Action
        /// Where the slot was before, if that is another node.
        var from: String?
    }

    /// By slot; what is removed comes before what is made in its place elsewhere.
    private(set) var steps: [Step] = []

    init(from old: DesiredApp?, to new: DesiredApp?) {
        var before: [ContainerID: (node: String, service: Service)] = [:]
        for (id, node) in old?.assignment.entries ?? [] {
            before[id] = old?.app.service(named: id.service).map { (node, $0) }
        }
        let after = new?.assignment.entries ?? []
        var hashes: [Service: SpecificationHash] = [:]
        func hash(_ service: Service) -> SpecificationHash {
            if let known = hashes[service] { return known }
            let made = SpecificationHash(of: service)
            hashes[service] = made
            return made
        }
        for (id, node) in after {
            guard let service = new?.app.service(named: id.service) else { continue }
            let slot = Slot(id: id, service: service)
            guard let was = before.removeValue(forKey: id) else {
                steps.append(Step(slot: slot, node: node, action: .create))
                continue
            }
            if was.node != node {
                steps.append(Step(slot: Slot(id: id, service: was.service), node: was.node, action: .remove))
                steps.append(Step(slot: slot, node: node, action: .create, from: was.node))
            } else if was.service == service || hash(was.service) == hash(service) {
                steps.append(Step(slot: slot, node: node, action: .keep))
            } else {
                steps.append(Step(slot: slot, node: node, action: .replace))
            }
        }
        for (id, was) in before {
            steps.append(Step(slot: Slot(id: id, service: was.service), node: was.node, action: .remove))
        }
        steps.sort { ($0.slot.id, $0.action == .remove ? 0 : 1) < ($1.slot.id, $1.action == .remove ? 0 : 1) }
    }

    /// All nodes that have a part in it, by name.
    var nodes: [String] { Set(steps.map(\.node)).sorted() }

    /// What is new on a node: its images have to be there. One slot for each image.
    func images(on node: String) -> [Slot] {
        var first: [[String]: Slot] = [:]
        for step in steps.reversed() where step.node == node && (step.action == .create || step.action == .replace) {
            first[[step.slot.service.image, step.slot.service.snapshotter]] = step.slot
        }
        return first.values.sorted { $0.id < $1.id }
    }

    func slots(on node: String) -> [ContainerID] { Set(steps.filter { $0.node == node }.map(\.slot.id)).sorted() }

    /// The slots that get a new container on a node, by id.
    func made(on node: String) -> [Slot] {
        steps.filter { $0.node == node && ($0.action == .create || $0.action == .replace) }.map(\.slot)
    }

    /// What a node writes into its journal before it does its part.
    func operations(on node: String) -> [ContainerID: SlotOperation] {
        var operations: [ContainerID: SlotOperation] = [:]
        for step in steps where step.node == node {
            switch step.action {
            case .create: operations[step.slot.id] = .create
            case .replace: operations[step.slot.id] = .replace
            case .remove: operations[step.slot.id] = .delete
            case .keep: break
            }
        }
        return operations
    }
}
