import StellarGossip
import StellarTestKit
import Testing

/// Single runs of clusters on a simulated network.
struct MembershipTests {
    private static func cluster(_ count: Int, seed: UInt64, loss: Double = 0) -> GossipSimulation {
        var codec = PacketCodec()
        codec.compresses = false
        let bounds = SimulationBounds(configuration: .lan, nodes: count)
        var simulation = GossipSimulation(seed: seed, codec: codec, checks: SimulationChecks(bounds))
        simulation.network.loss = loss
        simulation.start()
        for index in 1..<count { simulation.start(joining: index / 2) }
        return simulation
    }

    private static func failures(_ simulation: GossipSimulation) -> [GossipSimulation.Observation] {
        simulation.observations.filter { $0.kind == .failed }
    }

    private static func violations(_ simulation: GossipSimulation) -> [SimulationChecks.Violation] {
        simulation.checks?.violations ?? []
    }

    @Test(arguments: [3, 10, 40], [1, 2, 3] as [UInt64])
    func nodesConvergeAndNoticeACrash(count: Int, seed: UInt64) {
        var simulation = Self.cluster(count, seed: seed, loss: 0.01)
        simulation.expectConvergence()
        simulation.run(for: .seconds(20))
        #expect(simulation.agree(Array(0..<count)) && Self.failures(simulation).isEmpty, "no node is reported dead")
        simulation.crash(count / 2)
        let others = (0..<count).filter { $0 != count / 2 }
        let isKnown = simulation.run(within: .seconds(60)) { $0.agree(others) }
        #expect(isKnown)
        #expect(Set(Self.failures(simulation).map(\.node)) == Set(others))
        #expect(Self.violations(simulation).isEmpty)
    }

    @Test(arguments: [1, 120, 1800])
    func splitOfAnyLengthHeals(seconds: Int) {
        var simulation = Self.cluster(10, seed: 4)
        simulation.expectConvergence()
        for index in 0..<5 { simulation.network.groups[index] = 1 }
        simulation.run(for: .seconds(seconds))
        simulation.network.groups = [:]
        simulation.expectConvergence()
        #expect(Self.violations(simulation).isEmpty)
    }

    @Test func leavingNodeIsNotReportedDead() {
        var simulation = Self.cluster(10, seed: 5)
        simulation.expectConvergence()
        simulation.leave(3)
        simulation.expectConvergence()
        #expect(Self.failures(simulation).isEmpty)
    }

    @Test(arguments: [false, true])
    func restartedNodeIsAccepted(atNewAddress: Bool) {
        var simulation = Self.cluster(10, seed: 6)
        simulation.expectConvergence()
        simulation.crash(7)
        simulation.run(for: .seconds(2))
        simulation.restart(7, joining: 2, atNewAddress: atNewAddress)
        // Long before the others would have noticed the crash.
        let isKnown = simulation.run(within: .seconds(60)) { $0.agree(Array(0..<10)) }
        #expect(isKnown)
        #expect(!Self.failures(simulation).contains { $0.subject != 7 })
    }

    /// Like a suspended computer, or a process between SIGSTOP and SIGCONT.
    @Test(arguments: [5, 60, 3600])
    func resumedNodeSuspectsNobodyAndComesBack(seconds: Int) {
        var simulation = Self.cluster(10, seed: 7)
        simulation.expectConvergence()
        simulation.pause(4, for: .seconds(seconds))
        simulation.run(for: .seconds(seconds))
        simulation.expectConvergence()
        #expect(simulation.observations.contains { $0.node == 4 && $0.kind == .slept })
        #expect(!Self.failures(simulation).contains { $0.node == 4 || $0.subject != 4 })
        #expect(Self.violations(simulation).isEmpty)
    }

    /// All at once, like the nodes of one virtual machine host.
    @Test func nodesThatAllSleptSuspectNobody() {
        var simulation = Self.cluster(10, seed: 8)
        simulation.expectConvergence()
        for node in 0..<10 { simulation.pause(node, for: .seconds(60)) }
        simulation.run(for: .seconds(60))
        simulation.expectConvergence()
        #expect(Self.failures(simulation).isEmpty)
    }
}
