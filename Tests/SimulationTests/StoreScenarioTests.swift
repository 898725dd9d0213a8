import StellarStore
import Testing

@testable import StellarTestKit

/// Seeded runs of clusters with stores: no surviving write is lost, no deleted key comes back, and connected nodes
/// converge (``StoreScenario``).
struct StoreScenarioTests {
    /// New seeds in each run, so that repeated runs test more cases.
    private static let fresh = SimulationSeeds.printed(for: "simulation of stores")

    private func hold(_ seed: UInt64) {
        let scenario = StoreScenario(seed: seed)
        let ledger = scenario.run().ledger
        #expect(
            ledger.violations.isEmpty,
            """
            \(scenario)
            \(ledger.violations.map(\.description).joined(separator: "\n"))
            again: make sim SEEDS=\(seed) NODES=\(scenario.nodes)
            """
        )
    }

    @Test(arguments: 1...64 as ClosedRange<UInt64>)
    func guaranteesHold(seed: UInt64) {
        hold(seed)
    }

    @Test(arguments: fresh)
    func guaranteesHoldForFreshSeeds(seed: UInt64) {
        hold(seed)
    }

    /// Checks that the runs contain acknowledged, purged and quarantined writes.
    @Test func runsContainPurgesAndQuarantines() {
        let ledgers = ([84, 118] as [UInt64]).map { StoreScenario(seed: $0).run().ledger }
        #expect(ledgers.allSatisfy { $0.acknowledged > 0 && $0.purged > 0 && $0.quarantined > 0 })
    }

    @Test func sameSeedGivesTheSameRun() {
        #expect(StoreScenario(seed: 3).run().trace == StoreScenario(seed: 3).run().trace)
        #expect(StoreScenario(seed: 3).run().trace != StoreScenario(seed: 4).run().trace)
    }

    /// In simulated time, which does not depend on the machine's load.
    @Test(arguments: [0.01, 0.05])
    func aWriteReachesThirtyNodesInTime(loss: Double) {
        let spread = StoreSpread(nodes: 30, writes: 100, loss: loss)
        #expect(spread.missing == 0 && spread.times.count == 100 * 29)
        #expect(spread.time(ofPercent: 99) <= 1)
        #expect(spread.last.last ?? .infinity <= 2)
    }

    @Test func anIdleStoreSendsFewBytes() {
        #expect(StoreSpread.bytesAtRest(nodes: 10) < 20)
    }

    @Test func aWriteReachesAHundredNodesInTime() {
        let spread = StoreSpread(nodes: 100, writes: 10, loss: 0.05)
        #expect(spread.missing == 0 && spread.last.last ?? .infinity <= 3)
    }

    /// A node is cut off so briefly that no other node suspects it, and gossip of the write ends before it is back. The
    /// write's origin ensures that it gets the write at once, not a random probe many seconds later.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func aWriteThatGossipMissesArrivesSoon(seed: UInt64) {
        var simulation = StoreSpread.cluster(10, seed, StoreSimulation())
        simulation.stores?.ledger.arrivals = [:]
        simulation.network.groups = [9: 1]
        simulation.write([StoreChange(StoreKey("b", "k"), [1])], at: 0)
        simulation.run(for: .seconds(1))
        #expect(simulation.stores?.ledger.arrivals?.first?.value.count == 9)
        simulation.network.groups = [:]
        simulation.run(for: .seconds(1))
        #expect(simulation.stores?.ledger.arrivals?.first?.value.count == 10)
    }

    @Test func aThousandWritesPerSecondReachAllNodes() {
        let load = StoreLoad(nodes: 5, perSecond: 1000, seconds: 3)
        #expect(load.acknowledged == 3000)
        #expect(load.caughtUp ?? .infinity < 30)
    }
}
