import StellarTestKit
import Testing

/// Runs that seeds decide: whatever happens to a cluster, what is promised is kept (``SimulationChecks``), and when all is
/// well again all nodes see that it is.
struct ScenarioTests {
    /// Others in each run, so that each run of the tests looks where none did.
    private static let fresh: [UInt64] = {
        var random = SystemRandomNumberGenerator()
        let seeds = (0..<64).map { _ in random.next() >> 32 }
        print("simulation: fresh seeds \(seeds.map(String.init).joined(separator: ","))")
        return seeds
    }()

    private func hold(_ seed: UInt64) {
        let scenario = SimulationScenario(seed: seed)
        let outcome = scenario.run()
        #expect(
            outcome.violations.isEmpty,
            """
            \(scenario)
            \(outcome.violations.map(\.description).joined(separator: "\n"))
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

    @Test func theSameSeedIsTheSameRun() {
        #expect(SimulationScenario(seed: 3).run().trace == SimulationScenario(seed: 3).run().trace)
        #expect(SimulationScenario(seed: 3).run().trace != SimulationScenario(seed: 4).run().trace)
    }

    /// Sets and dictionaries are in another order in each process.
    @Test func theSameSeedIsTheSameRunInAnotherProcess() async throws {
        let seeds = ["--seeds", "5,9,11"]
        let program = BuiltProduct.path("gossip-sim")
        let one = try await ChildProcess.check(
            program,
            ["trace"] + seeds,
            environment: ["SWIFT_DETERMINISTIC_HASHING": ""]
        )
        let other = try await ChildProcess.check(program, ["trace"] + seeds)
        let fixed = try await ChildProcess.check(
            program,
            ["trace"] + seeds,
            environment: ["SWIFT_DETERMINISTIC_HASHING": "1"]
        )
        #expect(one == other && other == fixed)
        #expect(one.split(separator: "\n").count == 3)
    }
}
