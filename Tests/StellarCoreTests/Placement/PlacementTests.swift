import StellarTestKit
import Testing

@testable import StellarCore

@Suite struct PlacementTests {
    static let nodes = [
        Node(id: "c", labels: ["zone": "a", "disk": ""]), Node(id: "a", labels: ["zone": "b"]),
        Node(id: "b", labels: ["zone": "a", "disk": "hdd"]),
    ]

    static func service(_ replicas: Int = 1, node: String? = nil, ids: [String] = [], labels: Labels = [:]) -> Service {
        Service(
            name: "s",
            image: "i",
            node: node,
            replicas: replicas,
            placementPreference: PlacementPreference(nodeIDs: ids, labels: labels)
        )
    }

    /// The rules of the API contract, section 4.5, and the pinned node of section 11.
    @Test(arguments: [
        (service(1), ["c"]), (service(2), ["a", "c"]), (service(3), ["a", "b", "c"]),
        (service(5), ["c", "a", "b", "c", "a"]), (service(0), []),
        (service(1, ids: ["a"]), ["a"]), (service(3, ids: ["b", "a"]), ["a", "b", "a"]),
        (service(2, ids: ["nowhere", "b"]), ["b", "b"]), (service(2, ids: ["nowhere"]), []),
        (service(2, labels: ["zone": "a"]), ["b", "c"]),
        // All labels must be there; an empty value on the node matches any.
        (service(1, labels: ["zone": "a", "disk": "ssd"]), ["c"]), (service(1, labels: ["disk": ""]), ["c"]),
        (service(1, labels: ["gpu": ""]), []), (service(2, labels: ["zone": "b"]), ["a", "a"]),
        // Listed or labelled.
        (service(3, ids: ["a"], labels: ["disk": "hdd"]), ["a", "b", "c"]),
        (service(2, node: "b"), ["b", "b"]), (service(1, node: "b", ids: ["a"]), ["b"]), (service(1, node: "x"), []),
    ])
    func schedule(service: Service, expected: [String]) {
        #expect(Placement.schedule(service, on: Self.nodes).map(\.id) == expected)
    }

    @Test func assignsEveryReplicaOfAnApp() throws {
        let app = App(
            name: "x",
            services: [Service(name: "one", image: "i", replicas: 2), Service(name: "two", image: "i")]
        )
        let assignment = try Placement.assign(app, to: Self.nodes)
        #expect(assignment.entries.map { "\($0.slot)=\($0.node)" } == ["x.one.0=a", "x.one.1=c", "x.two.0=c"])
        #expect(assignment.slots(on: "c").map(\.description) == ["x.one.1", "x.two.0"])
        #expect(assignment.count == app.slots.count)
    }

    @Test func errorsNameTheServiceItsNeedsAndTheNodes() {
        let app = App(
            name: "x",
            services: [
                Service(name: "ok", image: "i"),
                Service(name: "pin", image: "i", node: "far"),
                Service(
                    name: "pref",
                    image: "i",
                    placementPreference: PlacementPreference(nodeIDs: ["m", "n"], labels: ["gpu": "yes", "zone": "a"])
                ),
            ]
        )
        do {
            _ = try Placement.assign(app, to: Self.nodes)
            Issue.record("it was placed")
        } catch {
            #expect(error.errors.map(\.reason) == [.pinnedNodeMissing, .preferenceUnmet])
            #expect(error.errors.map(\.service) == ["pin", "pref"] && error.errors.allSatisfy { $0.app == "x" })
            let values = [
                ["x.pin", "\"far\""], ["x.pref", "placement_preference", "\"m\", \"n\"", "gpu=yes, zone=a"],
            ]
            for (error, values) in zip(error.errors, values) {
                for value in values + ["c (disk=, zone=a)", "a (zone=b)", "b (disk=hdd, zone=a)"] {
                    #expect(error.description.contains(value), "\(error)")
                }
            }
            #expect(error.description.split(separator: "\n").count == 2)
        }
        do {
            _ = try Placement.assign(app, to: [])
            Issue.record("it was placed")
        } catch {
            #expect(error.errors.map(\.reason) == [.noNodes, .noNodes, .noNodes])
            #expect(error.errors.first?.description.contains("x.ok") == true)
        }
    }

    @Test func replicasStayOnTheirNodes() throws {
        let app = App(name: "x", services: [Service(name: "s", image: "i", replicas: 4)])
        let before = try Placement.assign(app, to: Self.nodes)
        // Another order of the same nodes moves nothing.
        #expect(try Placement.assign(app, to: Self.nodes.reversed(), keeping: before) == before)
        // The replicas of a lost node go to the nodes with the fewest; the others stay.
        let without = Self.nodes.filter { $0.id != "c" }
        let after = try Placement.assign(app, to: without, keeping: before)
        #expect(before.entries.map(\.node) == ["c", "a", "b", "c"])
        #expect(after.entries.map(\.node) == ["a", "a", "b", "b"])
        // More replicas: only the new ones are placed.
        var larger = app
        larger.services[0].replicas = 6
        #expect(
            try Placement.assign(larger, to: Self.nodes, keeping: before).entries.map(\.node) == [
                "c", "a", "b", "c", "a", "b",
            ]
        )
        // Fewer replicas: the last ones are removed.
        larger.services[0].replicas = 2
        #expect(try Placement.assign(larger, to: Self.nodes, keeping: before).entries.map(\.node) == ["c", "a"])
    }

    /// For random apps and nodes: each replica has a candidate, loads differ by at most one, and the result is always
    /// the same.
    @Test(arguments: 0..<64)
    func properties(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let nodes = (0..<Int.random(in: 1...12, using: &random)).map { index in
            Node(id: "n\(index)", labels: Bool.random(using: &random) ? ["zone": ["a", "b", ""][index % 3]] : [:])
        }.shuffled(using: &random)
        let service = Self.service(
            Int.random(in: 1...40, using: &random),
            ids: Bool.random(using: &random) ? ["n0", "n3"] : [],
            labels: Bool.random(using: &random) ? ["zone": "a"] : [:]
        )
        let app = App(name: "x", services: [service])
        let candidates = Set(Placement.candidates(for: service, among: nodes).map(\.id))
        guard !candidates.isEmpty else {
            #expect(throws: PlacementErrors.self) { try Placement.assign(app, to: nodes) }
            return
        }
        let first = try Placement.assign(app, to: nodes)
        #expect(first == (try Placement.assign(app, to: nodes)))
        let survivors = nodes.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
        guard let second = try? Placement.assign(app, to: survivors, keeping: first) else { return }
        let left = Set(survivors.map(\.id)).intersection(candidates)
        for assignment in [first, second] {
            #expect(Set(assignment.entries.map(\.slot)) == Set(app.slots))
            let allowed = assignment == first ? candidates : left
            #expect(assignment.entries.allSatisfy { allowed.contains($0.node) })
        }
        for (slot, node) in first.entries where left.contains(node) { #expect(second[slot] == node) }
        let load = Dictionary(grouping: first.entries, by: \.node).mapValues(\.count)
        let counts = candidates.map { load[$0] ?? 0 }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }
}
