import Testing

@testable import StellarCore

@Suite struct ReconcilePlanTests {
    typealias Plan = ReconcilePlan

    static let service = Service(name: "s", image: "docker.io/library/redis:alpine")
    static let hash = SpecificationHash(of: service)

    static func id(_ replica: Int, app: String = "a") -> ContainerID {
        ContainerID(app: app, service: "s", replica: replica)
    }

    @Test(
        arguments: [
            (nil, .create(id(0), service)),
            (Plan.Container(id: id(0), specification: hash, state: .running), nil),
            (Plan.Container(id: id(0), specification: hash, state: .paused), nil),
            (Plan.Container(id: id(0), specification: hash, state: .noTask), .start(id(0), service)),
            (Plan.Container(id: id(0), specification: hash, state: .stopped), .exited(id(0), service)),
            (
                Plan.Container(id: id(0), specification: SpecificationHash("0"), state: .running),
                .recreate(id(0), service)
            ),
            (Plan.Container(id: id(0), specification: nil, state: .stopped), .recreate(id(0), service)),
        ] as [(Plan.Container?, Plan.Step?)]
    )
    func oneSlot(container: Plan.Container?, step: Plan.Step?) {
        let plan = Plan(slots: [.init(id: Self.id(0), service: Self.service)], containers: container.map { [$0] } ?? [])
        #expect(plan.steps == (step.map { [$0] } ?? []))
    }

    @Test func whatNobodyWantsIsDeletedFirst() {
        let plan = Plan(
            slots: [10, 2, 1].map { .init(id: Self.id($0), service: Self.service) },
            containers: [
                .init(id: Self.id(0, app: "z"), specification: Self.hash, state: .running),
                .init(id: Self.id(2), specification: Self.hash, state: .running),
                .init(id: Self.id(0, app: "b"), specification: nil, state: .stopped),
            ]
        )
        #expect(
            plan.steps == [
                .delete(Self.id(0, app: "b")), .delete(Self.id(0, app: "z")), .create(Self.id(1), Self.service),
                .create(Self.id(10), Self.service),
            ]
        )
    }

    /// Carrying a plan out leaves nothing to do, in any order of its steps and also when only some were done.
    @Test(arguments: 0..<64)
    func plansEnd(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let other = Service(name: "s", image: "docker.io/library/redis:7")
        let slots = (0..<8).filter { _ in Bool.random(using: &random) }.map { index in
            Plan.Slot(id: Self.id(index), service: Bool.random(using: &random) ? Self.service : other)
        }
        var containers: [ContainerID: Plan.Container] = [:]
        for index in 0..<8 where Bool.random(using: &random) {
            let states = [Plan.Container.State.noTask, .running, .stopped, .paused]
            containers[Self.id(index)] = Plan.Container(
                id: Self.id(index),
                specification: Bool.random(using: &random) ? Self.hash : nil,
                state: states.randomElement(using: &random) ?? .running
            )
        }
        for round in 0..<20 {
            let plan = Plan(slots: slots, containers: Array(containers.values).shuffled(using: &random))
            #expect(Set(plan.steps.map(\.id)).count == plan.steps.count)
            if plan.isEmpty { break }
            let doAll = round == 18
            for step in plan.steps.shuffled(using: &random) where doAll || Bool.random(using: &random) {
                switch step {
                case .delete(let id): containers[id] = nil
                case .create(let id, let service), .recreate(let id, let service), .start(let id, let service),
                    .exited(let id, let service):
                    containers[id] = .init(id: id, specification: SpecificationHash(of: service), state: .running)
                }
            }
        }
        #expect(Plan(slots: slots, containers: Array(containers.values)).isEmpty)
        #expect(Set(containers.keys) == Set(slots.map(\.id)))
    }

    /// What shapes a container changes the hash; what does not, does not.
    @Test func hashes() {
        func changed(_ change: (inout Service) -> Void) -> Bool {
            var service = Self.service
            change(&service)
            return SpecificationHash(of: service) != Self.hash
        }
        #expect(changed { $0.image = "docker.io/library/redis:7" })
        #expect(changed { $0.process.env = ["A=1"] })
        #expect(changed { $0.process.uid = 0 })
        #expect(changed { $0.labels["a"] = "b" })
        #expect(changed { $0.network = false })
        #expect(changed { $0.mounts = [Mount(type: "tmpfs", destination: "/x")] })
        #expect(changed { $0.resources.memory = 10_000_000 })
        #expect(changed { $0.readOnly = true })
        #expect(changed { $0.privileged = true })
        #expect(changed { $0.capabilities.add = ["CAP_KILL"] })
        #expect(changed { $0.runtime = "x" })
        #expect(changed { $0.snapshotter = "x" })
        #expect(!changed { $0.replicas = 7 })
        #expect(!changed { $0.node = "x" })
        #expect(!changed { $0.placementPreference = PlacementPreference(nodeIDs: ["x"]) })
        #expect(!changed { $0.restart = .never })
        #expect(!changed { $0.endpoints = [Endpoint(service: "x", port: 1)] })
        #expect(!changed { $0.stopGracePeriod = .zero })
        // Containers of an earlier release must not be made anew by a later one, so this value may not change.
        #expect(Self.hash.description == "a645f9631760f7b3")
    }
}
