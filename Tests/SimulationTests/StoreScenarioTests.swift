import StellarStore
import Testing

@testable import StellarTestKit

/// Runs of clusters with stores that seeds decide: whatever happens, nothing that survived is lost, nothing deleted
/// comes back, and all that are connected become equal (``StoreScenario``).
struct StoreScenarioTests {
    /// Others in each run, so that each run of the tests looks where none did.
    private static let fresh: [UInt64] = {
        var random = SystemRandomNumberGenerator()
        let seeds = (0..<64).map { _ in random.next() >> 32 }
        print("simulation of stores: fresh seeds \(seeds.map(String.init).joined(separator: ","))")
        return seeds
    }()

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
    func promisesAreKept(seed: UInt64) {
        hold(seed)
    }

    @Test(arguments: fresh)
    func promisesAreKeptWhereNobodyLookedYet(seed: UInt64) {
        hold(seed)
    }

    /// What never happens in any run is not tested by any.
    @Test func theRunsShowWhatTheyAreFor() {
        let ledgers = ([84, 118] as [UInt64]).map { StoreScenario(seed: $0).run().ledger }
        #expect(ledgers.allSatisfy { $0.acknowledged > 0 && $0.purged > 0 && $0.quarantined > 0 })
    }

    @Test func sameSeedGivesTheSameRun() {
        #expect(StoreScenario(seed: 3).run().trace == StoreScenario(seed: 3).run().trace)
        #expect(StoreScenario(seed: 3).run().trace != StoreScenario(seed: 4).run().trace)
    }

    /// In simulated time, which no busy machine stretches.
    @Test(arguments: [0.01, 0.05])
    func aWriteIsSeenByThirtyNodesInTime(loss: Double) {
        let spread = StoreSpread(nodes: 30, writes: 100, loss: loss)
        #expect(spread.missing == 0 && spread.times.count == 100 * 29)
        #expect(spread.time(ofPercent: 99) <= 1)
        #expect(spread.last.last ?? .infinity <= 2)
    }

    @Test func atRestAStoreSaysNearlyNothing() {
        #expect(StoreSpread.bytesAtRest(nodes: 10) < 20)
    }

    @Test func aWriteIsSeenByAHundredNodesInTime() {
        let spread = StoreSpread(nodes: 100, writes: 10, loss: 0.05)
        #expect(spread.missing == 0 && spread.last.last ?? .infinity <= 3)
    }

    /// A node is cut off for a moment, too short for others to notice, and gossip of the write ends meanwhile. The origin
    /// sends the write again; the node does not wait for a probe by chance, many seconds later.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func aWriteThatGossipDoesNotBringComesSoon(seed: UInt64) {
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

    @Test func aThousandWritesASecondArriveEverywhere() {
        let load = StoreLoad(nodes: 5, perSecond: 1000, seconds: 3)
        #expect(load.acknowledged == 3000)
        #expect(load.caughtUp ?? .infinity < 30)
    }
}
