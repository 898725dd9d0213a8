import StellarTestKit
import Testing

/// Runs determined by seeds: in every scenario the guarantees hold (``SimulationChecks``), and after the faults the
/// views of all nodes become equal.
struct ScenarioTests {
    /// New seeds in each run of the tests, so that each run covers new scenarios.
    private static let fresh = SimulationSeeds.printed(for: "simulation")

    private func hold(_ seed: UInt64) {
        let scenario = SimulationScenario(seed: seed)
        let outcome = scenario.run()
        #expect(
            outcome.violations.isEmpty,
            """
            \(scenario)
            \(outcome.violations.map(\.description).joined(separator: "\n"))
            repeat with: make sim SEEDS=\(seed) NODES=\(scenario.nodes)
            """
        )
    }

    @Test(arguments: 1...64 as ClosedRange<UInt64>)
    func guaranteesHold(seed: UInt64) {
        hold(seed)
    }

    @Test(arguments: fresh)
    func guaranteesHoldForNewSeeds(seed: UInt64) {
        hold(seed)
    }

    @Test func sameSeedGivesTheSameRun() {
        #expect(SimulationScenario(seed: 3).run().trace == SimulationScenario(seed: 3).run().trace)
        #expect(SimulationScenario(seed: 3).run().trace != SimulationScenario(seed: 4).run().trace)
    }

    /// Sets and dictionaries have another order in each process.
    @Test func sameSeedGivesTheSameRunInAnotherProcess() async throws {
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
