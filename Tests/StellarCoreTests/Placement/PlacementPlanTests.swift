import Testing

@testable import StellarCore

@Suite struct PlacementPlanTests {
    static func placed(_ nodes: [String], _ change: (inout Service) -> Void = { _ in }) -> PlacedApp {
        var service = Service(name: "s", image: "i", replicas: nodes.count)
        change(&service)
        var assignment = Assignment()
        for (index, node) in nodes.enumerated() {
            assignment[ContainerID(app: "x", service: "s", replica: index)] = node
        }
        return PlacedApp(App(name: "x", services: [service]), on: assignment)
    }

    static func steps(_ old: PlacedApp?, _ new: PlacedApp?) -> [String] {
        PlacementPlan(from: old, to: new).steps.map(\.description)
    }

    @Test func newAppIsCreatedAndDeletedAppIsRemoved() {
        let app = Self.placed(["a", "b"])
        #expect(Self.steps(nil, app) == ["create x.s.0 on a", "create x.s.1 on b"])
        #expect(Self.steps(app, nil) == ["remove x.s.0 on a", "remove x.s.1 on b"])
        #expect(Self.steps(nil, nil).isEmpty)
    }

    @Test func scaledAppKeepsTheOtherReplicas() {
        let (two, three) = (Self.placed(["a", "b"]), Self.placed(["a", "b", "a"]))
        #expect(Self.steps(two, three) == ["keep x.s.0 on a", "keep x.s.1 on b", "create x.s.2 on a"])
        #expect(Self.steps(three, two) == ["keep x.s.0 on a", "keep x.s.1 on b", "remove x.s.2 on a"])
    }

    @Test func changedContainerIsReplaced() {
        let old = Self.placed(["a"])
        #expect(Self.steps(old, Self.placed(["a"]) { $0.image = "j" }) == ["replace x.s.0 on a"])
        // These fields need no new container.
        #expect(Self.steps(old, Self.placed(["a"]) { $0.restart = .never }) == ["keep x.s.0 on a"])
    }

    @Test func movedReplicaIsRemovedBeforeItIsCreated() {
        let plan = PlacementPlan(from: Self.placed(["a"]), to: Self.placed(["b"]) { $0.image = "j" })
        #expect(plan.steps.map(\.description) == ["remove x.s.0 on a", "create x.s.0 on b (moves from a)"])
        #expect(plan.steps.map(\.service.image) == ["i", "j"])
        #expect(plan.steps.map(\.source) == [nil, "a"])
    }
}
