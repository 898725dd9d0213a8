import Testing

@testable import StellarCore

/// Placement by load, capacity, platform and spread.
@Suite struct PlacementInputTests {
    static func node(
        _ id: String,
        _ labels: Labels = [:],
        memory: UInt64 = 8 << 30,
        platform: String = "linux/amd64"
    ) -> Node {
        Node(
            id: id,
            labels: labels,
            capacity: NodeCapacity(platform: platform, cpuMillis: 2000, memory: memory)
        )
    }

    static let zones = [
        node("a1", ["zone": "a"]), node("a2", ["zone": "a"]), node("a3", ["zone": "a"]), node("b1", ["zone": "b"]),
    ]

    static func app(_ replicas: Int, _ change: (inout Service) -> Void = { _ in }) -> App {
        var service = Service(name: "s", image: "i", replicas: replicas)
        change(&service)
        return App(name: "x", services: [service])
    }

    static func counts(_ assignment: Assignment) -> [String: Int] {
        Dictionary(grouping: assignment.entries, by: \.node).mapValues(\.count)
    }

    @Test func prefersNodesWithFewestContainers() throws {
        let input = PlacementInput(nodes: Self.zones, load: ["a1": NodeLoad(slots: 5), "a2": NodeLoad(slots: 1)])
        #expect(try Placement.assign(Self.app(2), to: input).entries.map(\.node) == ["a3", "b1"])
        // The services of one app count for each other.
        var two = Self.app(1)
        two.services.append(Service(name: "t", image: "i"))
        let even = PlacementInput(nodes: Self.zones)
        #expect(try Placement.assign(two, to: even).entries.map(\.node) == ["a1", "a2"])
    }

    @Test func spreadCountsLabelsBeforeNodes() throws {
        let app = Self.app(4) { $0.placementPreference = PlacementPreference(spread: ["zone"]) }
        let assignment = try Placement.assign(app, to: PlacementInput(nodes: Self.zones))
        #expect(Self.counts(assignment) == ["a1": 1, "a2": 1, "b1": 2])
        // Nodes without the label are one group.
        let some = [Self.node("a1", ["zone": "a"]), Self.node("c"), Self.node("d")]
        #expect(Self.counts(try Placement.assign(app, to: PlacementInput(nodes: some))) == ["a1": 2, "c": 1, "d": 1])
        // Replicas that stay count.
        var previous = Assignment()
        previous[ContainerID(app: "x", service: "s", replica: 0)] = "b1"
        previous[ContainerID(app: "x", service: "s", replica: 1)] = "b1"
        let kept = try Placement.assign(app, to: PlacementInput(nodes: Self.zones), keeping: previous)
        #expect(Self.counts(kept) == ["a1": 1, "a2": 1, "b1": 2])
    }

    @Test func respectsTheMostReplicasOfANode() throws {
        let most = PlacementPreference(maxReplicasPerNode: 1)
        let four = Self.app(4) { $0.placementPreference = most }
        #expect(
            Self.counts(try Placement.assign(four, to: PlacementInput(nodes: Self.zones))).values.allSatisfy { $0 == 1 }
        )
        do {
            _ = try Placement.assign(
                Self.app(5) { $0.placementPreference = most },
                to: PlacementInput(nodes: Self.zones)
            )
            Issue.record("it was placed")
        } catch {
            #expect(error.errors.map(\.reason) == [.noRoom(ContainerID(app: "x", service: "s", replica: 4))])
            for value in ["x.s.4", "fewer than 1 replica", "a1 (1 replicas"] + Self.zones.map(\.id) {
                #expect(error.description.contains(value), "\(error)")
            }
        }
    }

    @Test func reservesMemoryOnceAndSharesCPUsLast() throws {
        let nodes = [Self.node("small", memory: 1 << 30), Self.node("large", memory: 4 << 30)]
        let app = Self.app(3) { $0.resources.memory = 1 << 30 }
        let load = ["large": NodeLoad(slots: 1, memory: 2 << 30)]
        #expect(
            Self.counts(try Placement.assign(app, to: PlacementInput(nodes: nodes, load: load))) == [
                "small": 1, "large": 2,
            ]
        )
        do {
            _ = try Placement.assign(
                Self.app(4) { $0.resources.memory = 1 << 30 },
                to: PlacementInput(nodes: nodes, load: load)
            )
            Issue.record("it was placed")
        } catch {
            #expect(error.errors.map(\.reason) == [.noRoom(ContainerID(app: "x", service: "s", replica: 3))])
            for value in ["x.s.3", "1.1 GB", "large (2 replicas, 0 B of 4.3 GB"] {
                #expect(error.description.contains(value), "\(error)")
            }
        }
        // Replicas that stay need no further room.
        let kept = try Placement.assign(app, to: PlacementInput(nodes: nodes, load: load))
        #expect(try Placement.assign(app, to: PlacementInput(nodes: nodes, load: load), keeping: kept) == kept)

        let busy = ["a1": NodeLoad(cpuMillis: 2000), "a2": NodeLoad(cpuMillis: 1500)]
        let cpu = Self.app(3) { $0.resources.cpuMillis = 1000 }
        let placed = try Placement.assign(cpu, to: PlacementInput(nodes: Array(Self.zones.prefix(3)), load: busy))
        #expect(Self.counts(placed) == ["a3": 2, "a1": 1])
    }

    @Test func needsAPlatformOfTheImage() throws {
        let nodes = [Self.node("x"), Self.node("arm", platform: "linux/arm64")]
        let input = PlacementInput(nodes: nodes, platforms: ["i": ["linux/arm64"]])
        #expect(Self.counts(try Placement.assign(Self.app(2), to: input)) == ["arm": 2])
        do {
            _ = try Placement.assign(Self.app(1), to: PlacementInput(nodes: nodes, platforms: ["i": ["linux/s390x"]]))
            Issue.record("it was placed")
        } catch {
            #expect(error.errors.map(\.reason) == [.platformMismatch])
            for value in ["x.s", "image i", "linux/s390x", "x (linux/amd64)", "arm (linux/arm64)"] {
                #expect(error.description.contains(value), "\(error)")
            }
        }
    }

    @Test func keepsReplicasOfUnavailableNodesAndAddsNone() throws {
        let input = PlacementInput(nodes: [Self.node("up")], unavailable: [Self.node("down")])
        var previous = Assignment()
        previous[ContainerID(app: "x", service: "s", replica: 0)] = "down"
        previous[ContainerID(app: "x", service: "s", replica: 1)] = "forgotten"
        let assignment = try Placement.assign(Self.app(3), to: input, keeping: previous)
        #expect(assignment.entries.map(\.node) == ["down", "up", "up"])
        // Also without any other node.
        let alone = PlacementInput(nodes: [], unavailable: [Self.node("down")])
        #expect(try Placement.assign(Self.app(1), to: alone, keeping: previous).entries.map(\.node) == ["down"])
        let error = #expect(throws: PlacementErrors.self) {
            try Placement.assign(Self.app(2), to: alone, keeping: previous)
        }
        #expect(error?.errors.map(\.reason) == [.noNodes])
    }

    @Test func loadIsClampedAndIgnoresServicesWithoutLimits() {
        var load = NodeLoad(slots: 1, cpuMillis: .max - 1, memory: .max - 1)
        var service = Service(name: "s", image: "i")
        load.add(service)
        #expect(load == NodeLoad(slots: 2, cpuMillis: .max - 1, memory: .max - 1))
        service.resources = Resources(cpuMillis: 1000, memory: 1 << 30)
        load.add(service)
        #expect(load == NodeLoad(slots: 3, cpuMillis: .max, memory: .max))
    }

    @Test func aNodeOfUnknownCapacityAndPlatformTakesAnyService() throws {
        let app = Self.app(1) { $0.resources = Resources(cpuMillis: 64_000, memory: 1 << 50) }
        let input = PlacementInput(nodes: [Node(id: "n")], platforms: ["i": ["linux/s390x"]])
        #expect(try Placement.assign(app, to: input).entries.map(\.node) == ["n"])
    }
}
