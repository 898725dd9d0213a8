import StellarGossip
import StellarTestKit
import Testing

/// Every check can fail: each gets a cluster that violates its rule.
struct ChecksTests {
    private typealias Rule = SimulationChecks.Violation.Rule

    /// A cluster that keeps the bounds of `promised`, unless `configuration` differs.
    private static func cluster(
        _ count: Int = 8,
        configuration: GossipConfiguration = .lan,
        promised: GossipConfiguration = .lan,
        rejoins: Bool = true
    ) -> GossipSimulation {
        let bounds = SimulationBounds(configuration: promised, nodes: count)
        var simulation = GossipSimulation(
            seed: 1,
            configuration: configuration,
            rejoins: rejoins,
            checks: SimulationChecks(bounds)
        )
        simulation.start()
        for index in 1..<count { simulation.start(joining: index / 2) }
        return simulation
    }

    private static func broken(_ simulation: GossipSimulation) -> Set<Rule> {
        Set(simulation.checks?.violations.map(\.rule) ?? [])
    }

    @Test func healthyClusterViolatesNothing() {
        var simulation = Self.cluster()
        simulation.expectConvergence()
        simulation.crash(3)
        simulation.run(for: .seconds(300))
        simulation.expectConvergence()
        #expect(Self.broken(simulation).isEmpty)
        #expect(simulation.checks?.crashesNoticed == 7)
    }

    @Test func falseDeath() {
        var hasty = GossipConfiguration.lan
        hasty.suspicionMultiplier = 1
        hasty.suspicionMaximumMultiplier = 1
        hasty.streamPings = false
        hasty.indirectChecks = 0
        var simulation = Self.cluster(configuration: hasty)
        simulation.network.loss = 0.1
        simulation.run(for: .seconds(300))
        #expect(Self.broken(simulation).contains(.falseDeath))
    }

    @Test func lateDetection() {
        var patient = GossipConfiguration.lan
        patient.suspicionMultiplier = 100
        var simulation = Self.cluster(configuration: patient)
        simulation.converges()
        simulation.crash(3)
        simulation.run(for: .seconds(120))
        #expect(Self.broken(simulation) == [.lateDetection])
    }

    @Test func datagramSize() {
        var small = GossipConfiguration.lan
        small.datagramBytes = 200
        var simulation = Self.cluster(promised: small)
        simulation.run(for: .seconds(5))
        #expect(Self.broken(simulation) == [.datagramSize])
    }

    @Test func queueSize() {
        var small = GossipConfiguration.lan
        small.queueBytes = 200
        var simulation = Self.cluster(promised: small)
        simulation.run(for: .seconds(5))
        #expect(Self.broken(simulation) == [.queueSize])
    }

    @Test func incarnationOfANodeThatWasSetBack() {
        var simulation = Self.cluster()
        simulation.converges()
        let before = simulation.nodes[2].machine
        simulation.update(2, metadata: [1])
        simulation.setBack(2, to: before)
        #expect(Self.broken(simulation) == [.incarnation])
    }

    @Test func incarnationThatAnotherNodeRaised() {
        var simulation = Self.cluster()
        simulation.converges()
        let victim = simulation.nodes[2].machine.own
        let claim = Alive(node: victim.name, incarnation: 9, address: victim.address, port: victim.port)
        simulation.forge(.alive(claim), at: 5)
        #expect(Self.broken(simulation) == [.incarnation])
    }

    @Test func ownStateAndFalseLeave() {
        var simulation = Self.cluster()
        simulation.converges()
        var leaving = simulation.nodes[2].machine
        leaving.leave(now: leaving.own.since)
        simulation.setBack(2, to: leaving)
        simulation.run(for: .seconds(5))
        #expect(Self.broken(simulation) == [.ownState, .falseLeave])
    }

    @Test func resurrection() {
        var simulation = Self.cluster()
        simulation.converges()
        let before = simulation.nodes[5].machine
        simulation.crash(2)
        simulation.run(for: .seconds(600))
        #expect(Self.broken(simulation).isEmpty)
        // It spreads a node that the others have long forgotten.
        simulation.setBack(5, to: before)
        simulation.run(for: .seconds(60))
        #expect(Self.broken(simulation).contains(.resurrection))
    }

    @Test func wakefulness() {
        var restless = GossipConfiguration.lan
        restless.pushPullInterval = .zero
        var simulation = Self.cluster(configuration: restless)
        simulation.run(for: .microseconds(1))
        #expect(Self.broken(simulation).contains(.wakefulness))
    }

    /// Without Rejoin a split of three minutes does not heal, as with memberlist.
    @Test func disagreement() {
        var simulation = Self.cluster(rejoins: false)
        simulation.converges()
        for index in 0..<4 { simulation.network.groups[index] = 1 }
        simulation.run(for: .seconds(180))
        simulation.network.groups = [:]
        simulation.converges()
        #expect(Self.broken(simulation) == [.disagreement])
    }
}
