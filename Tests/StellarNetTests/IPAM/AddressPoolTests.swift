import FoundationEssentials
import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

struct AddressPoolTests {
    private let subnet = IPv4Subnet("10.0.0.0/29").unsafelyUnwrapped

    @Test func allocatesAllButNetworkGatewayAndBroadcastLowestFirst() throws {
        var pool = AddressPool(subnet: subnet)
        let given = try (0..<5).map { try pool.allocate("c\($0)").description }
        #expect(given == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"])
        #expect(throws: AddressPoolError.exhausted(subnet)) { try pool.allocate("c5") }
    }

    @Test func allocatesEveryAddressOfASlash22Once() throws {
        let subnet = try #require(IPv4Subnet("172.16.0.0/22"))
        var pool = AddressPool(subnet: subnet)
        let all = Set(try (0..<1021).map { try pool.allocate("c\($0)") })
        #expect(all.count == 1021)
        #expect(all.contains(IPv4Address(172, 16, 1, 0)))
        #expect(all.contains(IPv4Address(172, 16, 1, 255)))
        #expect(throws: AddressPoolError.exhausted(subnet)) { try pool.allocate("one more") }
    }

    @Test func sameIDGetsTheSameAddress() throws {
        var pool = AddressPool(subnet: subnet)
        let first = try pool.allocate("a")
        _ = try pool.allocate("b")
        #expect(try pool.allocate("a") == first)
        #expect(pool.allocations.map(\.id) == ["a", "b"])
    }

    @Test func aFreedAddressComesBackLast() throws {
        var pool = AddressPool(subnet: subnet)
        for id in ["a", "b", "c"] { _ = try pool.allocate(id) }
        #expect(pool.release("b")?.description == "10.0.0.3")
        #expect(pool.release("a")?.description == "10.0.0.2")
        #expect(pool.release("a") == nil)
        let next = try (0..<4).map { try pool.allocate("n\($0)").description }
        #expect(next == ["10.0.0.5", "10.0.0.6", "10.0.0.3", "10.0.0.2"])
    }

    @Test func reservedAddressesAreNotAllocatedAgain() throws {
        var pool = AddressPool(subnet: subnet)
        try pool.reserve(IPv4Address(10, 0, 0, 4), for: "x")
        try pool.reserve(IPv4Address(10, 0, 0, 2), for: "y")
        try pool.reserve(IPv4Address(10, 0, 0, 2), for: "y")
        #expect(throws: AddressPoolError.taken(IPv4Address(10, 0, 0, 2), by: "y")) {
            try pool.reserve(IPv4Address(10, 0, 0, 2), for: "z")
        }
        for octet: UInt8 in [0, 1, 7, 8] {
            #expect(throws: AddressPoolError.self) { try pool.reserve(IPv4Address(10, 0, 0, octet), for: "z") }
        }
        #expect(try pool.allocate("a").description == "10.0.0.3")
        #expect(try pool.allocate("b").description == "10.0.0.5")
        pool.release("x")
        #expect(try pool.allocate("c").description == "10.0.0.6")
        #expect(try pool.allocate("d").description == "10.0.0.4")
    }

    @Test func encodingRoundTrips() throws {
        var pool = AddressPool(subnet: subnet)
        for id in ["a", "b", "c"] { _ = try pool.allocate(id) }
        pool.release("a")
        let stored = try JSONEncoder().encode(pool)
        #expect(try JSONDecoder().decode(AddressPool.self, from: stored) == pool)
        let twice = #"{"subnet":"10.0.0.0/29","allocations":{"a":"10.0.0.2","b":"10.0.0.2"},"freed":[]}"#
        #expect(throws: (any Error).self) { try JSONDecoder().decode(AddressPool.self, from: Data(twice.utf8)) }
        let outside = #"{"subnet":"10.0.0.0/29","allocations":{},"next":"10.0.1.2","freed":[]}"#
        #expect(throws: (any Error).self) { try JSONDecoder().decode(AddressPool.self, from: Data(outside.utf8)) }
    }

    /// Random histories: an address never has two holders, an id never two addresses, and none is lost.
    @Test(arguments: UInt64(0)..<16) func invariants(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var pool = AddressPool(subnet: subnet)
        var model: [String: IPv4Address] = [:]
        for _ in 0..<500 {
            let id = "c\(Int.random(in: 0..<8, using: &generator))"
            if Bool.random(using: &generator) {
                #expect(pool.release(id) == model.removeValue(forKey: id))
            } else if let held = model[id] {
                #expect(try pool.allocate(id) == held)
            } else if model.count == 5 {
                #expect(throws: AddressPoolError.exhausted(subnet)) { try pool.allocate(id) }
            } else {
                let given = try pool.allocate(id)
                #expect(!model.values.contains(given))
                model[id] = given
            }
        }
    }

    @Test func theLowestFreeSubnetIsFound() throws {
        let network = try #require(IPv4Subnet("172.16.0.0/12"))
        let first = try SubnetPlan.lowestFree(of: network, taken: [])
        #expect(first.description == "172.16.0.0/22")
        let second = try SubnetPlan.lowestFree(of: network, taken: [first])
        #expect(second.description == "172.16.4.0/22")
        // A claim of another size takes its addresses.
        let odd = try #require(IPv4Subnet("172.16.0.0/20"))
        #expect(try SubnetPlan.lowestFree(of: network, taken: [odd]).description == "172.16.16.0/22")
        let all = try network.nodeSubnets()
        let full = #expect(throws: NetworkError.self) { try SubnetPlan.lowestFree(of: network, taken: all) }
        #expect(full?.code == .resourceExhausted)
        let small = try #require(IPv4Subnet("10.0.0.0/22"))
        let tooSmall = #expect(throws: NetworkError.self) { try SubnetPlan.lowestFree(of: small, taken: []) }
        #expect(tooSmall?.code == .invalidArgument)
    }
}
