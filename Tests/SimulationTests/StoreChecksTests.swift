import Testing

@testable import StellarStore
@testable import StellarTestKit

/// Every check of the stores can fail: each test breaks the rule of one check.
struct StoreChecksTests {
    private typealias Rule = StoreLedger.Violation.Rule

    private static let key = StoreKey("b", "k")

    private static func cluster(_ count: Int = 3) -> GossipSimulation {
        var simulation = GossipSimulation(seed: 1)
        simulation.useStores(StoreSimulation(StoreScenario.configuration))
        simulation.start()
        for _ in 1..<count { simulation.start(joining: 0) }
        simulation.run(for: .seconds(5))
        simulation.write([StoreChange(key, [1]), StoreChange(StoreKey("b", "other"), [2])], at: 0)
        simulation.convergeStores()
        return simulation
    }

    private static func broken(_ simulation: GossipSimulation) -> Set<Rule> {
        Set(simulation.stores?.ledger.violations.map(\.rule) ?? [])
    }

    /// Gives a node an input that no node sent.
    private static func forge(_ input: StoreInput, _ index: Int, _ simulation: inout GossipSimulation) {
        simulation.nodes[index].store?.waiting.append((input, nil))
        simulation.drainStore(index)
        simulation.convergeStores()
    }

    @Test func healthyClusterViolatesNothing() {
        var simulation = Self.cluster()
        simulation.write([StoreChange(Self.key, nil)], at: 1)
        #expect(simulation.convergeStores() && Self.broken(simulation).isEmpty)
        #expect(simulation.stores?.ledger.acknowledged == 3)
    }

    @Test func aLostWriteIsDetected() {
        var simulation = Self.cluster()
        simulation.network.groups[0] = 1
        simulation.write([StoreChange(Self.key, [3])], at: 0)
        simulation.run(for: .seconds(1))
        // The disk is lost, and the ledger does not know.
        simulation.crash(0)
        simulation.nodes[0].store?.disk = SimulatedDisk()
        simulation.network.groups = [:]
        simulation.restart(0, joining: 1)
        simulation.convergeStores()
        #expect(Self.broken(simulation) == [.lost])
    }

    @Test func aResurrectedKeyIsDetected() throws {
        var simulation = Self.cluster()
        let entry = try #require(simulation.nodes[1].store?.machine.value(Self.key))
        simulation.write([StoreChange(Self.key, nil)], at: 1)
        simulation.convergeStores()
        simulation.pass(.seconds(4 * 3600))
        for _ in 0..<10 {
            simulation.write([StoreChange(StoreKey("b", "other"), [4])], at: 2)
            simulation.run(for: .seconds(30))
        }
        #expect(simulation.stores?.ledger.purged ?? 0 > 0 && simulation.convergeStores())
        #expect(Self.broken(simulation).isEmpty)
        for index in 0..<3 where simulation.nodes[index].store?.machine.tombstoneCount == 0 {
            Self.forge(.exchanged([entry], missedByPeer: nil), index, &simulation)
        }
        #expect(Self.broken(simulation).contains(.resurrected))
    }

    @Test func stalledConvergenceIsDetected() {
        var simulation = Self.cluster()
        simulation.network.groups[0] = 1
        simulation.write([StoreChange(Self.key, [3])], at: 0)
        simulation.convergeStores()
        #expect(Self.broken(simulation) == [.different])
    }

    @Test func aWatermarkThatIsTooHighIsDetected() {
        var simulation = Self.cluster()
        simulation.network.groups[0] = 1
        simulation.write([StoreChange(Self.key, [3])], at: 0)
        simulation.run(for: .seconds(1))
        let stamp = simulation.nodes[0].store?.machine.ownStamp ?? .zero
        let seen = StoreSeen(node: "n1", life: 1, number: 1, upTo: stamp, own: .zero)
        simulation.deliver(StoreMessage.seen(seen).encoded(), at: 0)
        simulation.drainStore(0)
        #expect(Self.broken(simulation) == [.watermark])
    }

    @Test func aVectorThatIsTooHighIsDetected() {
        var simulation = Self.cluster(2)
        let vector = simulation.nodes[0].store?.machine.vector ?? VersionVector()
        var transaction = StoreTransaction()
        transaction.vector = Dictionary(vector.all.map { ($0.origin, $0.stamp) }) { first, _ in first }
        var disk = SimulatedDisk()
        disk.apply(transaction)
        for index in 0..<2 {
            simulation.crash(index)
            simulation.replaceDisk(of: index, with: disk)
        }
        for index in 0..<2 { simulation.restart(index, joining: 1 - index) }
        simulation.convergeStores()
        #expect(Self.broken(simulation) == [.vector])
    }

    @Test func aMachineThatDiffersFromItsDiskIsDetected() {
        var simulation = Self.cluster()
        var transaction = StoreTransaction()
        let entry = StoreEntry(StoreKey("b", "hidden"), [1], stamp: StoreStamp(rawValue: 5), origin: "n1")
        transaction.entries[entry.key] = .some(entry)
        simulation.nodes[1].store?.disk.apply(transaction)
        simulation.convergeStores()
        #expect(Self.broken(simulation) == [.disk])
    }

    @Test func anUnexpectedQuarantineIsDetected() {
        var simulation = Self.cluster()
        Self.forge(.take([StoreEntry(Self.key, [9], stamp: .latest, origin: "n9")]), 1, &simulation)
        #expect(Self.broken(simulation) == [.quarantine])
    }

    @Test func aRepeatedStampIsDetected() {
        var simulation = Self.cluster()
        simulation.crash(0)
        simulation.nodes[0].store?.disk = SimulatedDisk()
        simulation.setClock(0, wrongBy: .seconds(-3600))
        simulation.restart(0, joining: 1)
        simulation.write([StoreChange(Self.key, [5])], at: 0)
        simulation.convergeStores()
        #expect(Self.broken(simulation).contains(.stamp))
    }
}
