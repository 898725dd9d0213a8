import Testing

@testable import StellarCore

@Suite struct SpecificationHashTests {
    static let service = Service(name: "s", image: "docker.io/library/redis:alpine")
    static let hash = SpecificationHash(of: service)

    /// The hash changes with the fields that shape a container, and with no other field.
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
        #expect(!changed { $0.healthCheck = HealthCheck(probe: .tcp(port: 1)) })
        // A later release must keep the containers of an earlier one, so this value must not change.
        #expect(Self.hash.description == "a645f9631760f7b3")
    }
}
