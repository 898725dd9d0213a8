/// What to do on one node so that what runs becomes what should run. A pure comparison: the daemon gathers the slots
/// assigned to the node and the containers it finds, carries out the steps, and compares again after every change.
///
/// ## Design
/// Steps of different slots are independent and may run in parallel; steps of one slot never come twice in a plan. A
/// plan made of the outcome of its own steps is empty, and a step that was carried out half leads to a plan that ends
/// it, so it does not matter where a crash falls.
public struct ReconcilePlan: Sendable, Hashable {
    /// A replica that should run here.
    public struct Slot: Sendable, Hashable {
        /// The container's id.
        public var id: ContainerID
        /// What it should be.
        public var service: Service

        /// Makes a slot.
        public init(id: ContainerID, service: Service) {
            self.id = id
            self.service = service
        }
    }

    /// A container that is here and was made by us.
    public struct Container: Sendable, Hashable {
        /// What its process does.
        public enum State: Sendable, Hashable {
            /// There is none yet: creation was cut short, or the machine was rebooted.
            case noTask
            /// It runs.
            case running
            /// It is stopped and can be resumed; somebody wanted that, so it is left alone.
            case paused
            /// It ended.
            case stopped
        }

        /// The container's id.
        public var id: ContainerID
        /// What it was made from; nil where it does not say.
        public var specification: SpecificationHash?
        /// What its process does.
        public var state: State

        /// Makes a container.
        public init(id: ContainerID, specification: SpecificationHash?, state: State) {
            self.id = id
            self.specification = specification
            self.state = state
        }
    }

    /// One thing to do.
    public enum Step: Sendable, Hashable {
        /// The container should not be here: stop and remove it, and all that belongs to it.
        case delete(ContainerID)
        /// The container is missing: make and start it.
        case create(ContainerID, Service)
        /// The container was made from another description: remove it, then make and start it.
        case recreate(ContainerID, Service)
        /// The container is there and has no task: start one.
        case start(ContainerID, Service)
        /// The container's process has ended: ask its ``RestartTracker``.
        case exited(ContainerID, Service)

        /// The slot.
        public var id: ContainerID {
            switch self {
            case .delete(let id), .create(let id, _), .recreate(let id, _), .start(let id, _), .exited(let id, _): id
            }
        }
    }

    /// The steps: deletions first, as they free addresses and memory for the rest; each kind in the order of the ids.
    public let steps: [Step]

    /// Compares. Slots or containers given twice count once.
    public init(slots: [Slot], containers: [Container]) {
        let here = Dictionary(containers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let wanted = Dictionary(slots.map { ($0.id, $0.service) }, uniquingKeysWith: { first, _ in first })
        let deletions = here.keys.filter { wanted[$0] == nil }.sorted().map { Step.delete($0) }
        let others = wanted.keys.sorted().compactMap { id -> Step? in
            guard let service = wanted[id] else { return nil }
            return Self.step(for: id, service, here[id])
        }
        steps = deletions + others
    }

    /// Whether all is as it should be.
    public var isEmpty: Bool { steps.isEmpty }

    private static func step(for id: ContainerID, _ service: Service, _ container: Container?) -> Step? {
        guard let container else { return .create(id, service) }
        if container.specification != SpecificationHash(of: service) { return .recreate(id, service) }
        switch container.state {
        case .running, .paused: return nil
        case .noTask: return .start(id, service)
        case .stopped: return .exited(id, service)
        }
    }
}
