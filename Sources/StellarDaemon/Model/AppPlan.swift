import StellarCore

/// The steps of all nodes from an app as it is to the app as it should be.
struct AppPlan: Sendable, Hashable {
    typealias Action = PlacementPlan.Action

    struct Step: Sendable, Hashable {
        var slot: Slot
        var node: String
        var action: Action
        /// The node of the slot before, if that is another node.
        var from: String?
    }

    /// By slot; the removal of a slot that moves comes before its creation.
    private(set) var steps: [Step]

    init(from old: DesiredApp?, to new: DesiredApp?) {
        let plan = PlacementPlan(
            from: old.map { PlacedApp($0.app, on: $0.assignment) },
            to: new.map { PlacedApp($0.app, on: $0.assignment) }
        )
        steps = plan.steps.map { step in
            Step(
                slot: Slot(id: step.slot, service: step.service),
                node: step.node,
                action: step.action,
                from: step.source
            )
        }
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
