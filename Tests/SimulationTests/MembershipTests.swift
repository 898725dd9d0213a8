import StellarGossip
import StellarTestKit
import Testing

/// Clusters of the shipped machine on a simulated network, each run decided by its seed.
struct MembershipTests {
    private static func cluster(_ count: Int, seed: UInt64, loss: Double = 0) -> GossipSimulation {
        var codec = PacketCodec()
        codec.compresses = false
        var simulation = GossipSimulation(seed: seed, codec: codec)
        simulation.network.loss = loss
        simulation.start()
        for index in 1..<count { simulation.start(joining: index / 2) }
        return simulation
    }

    private static func failures(_ simulation: GossipSimulation) -> [GossipSimulation.Observation] {
        simulation.observations.filter { if case .failed = $0.event { true } else { false } }
    }

    @Test(arguments: [3, 10, 40], [1, 2, 3] as [UInt64])
    func nodesFindEachOtherAndNoticeTheDead(count: Int, seed: UInt64) {
        var simulation = Self.cluster(count, seed: seed, loss: 0.01)
        #expect(simulation.run(within: .seconds(60)) { $0.agree(Array(0..<count)) }, "all know all")
        simulation.run(for: .seconds(20))
        #expect(simulation.agree(Array(0..<count)) && Self.failures(simulation).isEmpty, "nobody is called dead")
        simulation.crash(count / 2)
        let others = (0..<count).filter { $0 != count / 2 }
        #expect(simulation.run(within: .seconds(60)) { $0.agree(others) }, "the dead one is")
        #expect(Set(Self.failures(simulation).map(\.node)) == Set(others))
        #expect(simulation.largestDatagram <= simulation.configuration.datagramBytes)
    }

    @Test func aSplitHealsWhileItIsRemembered() {
        var simulation = Self.cluster(10, seed: 4)
        #expect(simulation.run(within: .seconds(30)) { $0.agree(Array(0..<10)) })
        for index in 0..<5 { simulation.network.groups[index] = 1 }
        #expect(simulation.run(within: .seconds(60)) { $0.agree([0, 1, 2, 3, 4]) && $0.agree([5, 6, 7, 8, 9]) })
        simulation.network.groups = [:]
        #expect(simulation.run(within: .seconds(60)) { $0.agree(Array(0..<10)) })
    }

    @Test func aNodeThatLeavesIsNotCalledDead() {
        var simulation = Self.cluster(10, seed: 5)
        #expect(simulation.run(within: .seconds(30)) { $0.agree(Array(0..<10)) })
        simulation.leave(3)
        #expect(simulation.run(within: .seconds(30)) { $0.agree([0, 1, 2, 4, 5, 6, 7, 8, 9]) })
        #expect(Self.failures(simulation).isEmpty)
    }

    @Test func aRestartedNodeIsTakenBack() {
        var simulation = Self.cluster(10, seed: 6)
        #expect(simulation.run(within: .seconds(30)) { $0.agree(Array(0..<10)) })
        simulation.crash(7)
        simulation.run(for: .seconds(5))
        simulation.restart(7, joining: 2)
        #expect(simulation.run(within: .seconds(60)) { $0.agree(Array(0..<10)) })
    }

    @Test func theSameSeedIsTheSameRun() {
        func trace(_ seed: UInt64) -> UInt64 {
            var simulation = Self.cluster(12, seed: seed, loss: 0.05)
            simulation.run(for: .seconds(30))
            return simulation.trace
        }
        #expect(trace(1) == trace(1))
        #expect(trace(1) != trace(2))
    }
}
