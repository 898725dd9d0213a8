import Glibc
import StellarTestKit
import Testing

/// Runs of whole clusters that seeds determine: in every scenario the invariants hold after the faults
/// (``CommandLedger/Violation/Rule``).
struct DaemonScenarioTests {
    /// New seeds in each run of the tests, or those of `STELLAR_SIMULATION_SEEDS` (``SimulationSeeds/parse(_:)``).
    private static let fresh: [UInt64] = {
        guard let text = getenv("STELLAR_SIMULATION_SEEDS").map({ String(cString: $0) }) else {
            return SimulationSeeds.printed(for: "simulation of daemons")
        }
        guard let seeds = SimulationSeeds.parse(text), !seeds.isEmpty else {
            preconditionFailure("STELLAR_SIMULATION_SEEDS: \"\(text)\" is not a list of seeds such as 7,9,100-200")
        }
        return seeds
    }()

    private func hold(_ seed: UInt64) async throws {
        let scenario = DaemonScenario(seed: seed)
        let outcome = try await scenario.run()
        if getenv("STELLAR_SIMULATION_VERBOSE") != nil { print("\(scenario)\n    \(outcome)") }
        #expect(
            outcome.violations.isEmpty,
            """
            \(scenario)
            \(outcome.violations.map(\.description).joined(separator: "\n"))
            repeat with: make sim SEEDS=\(seed)
            """
        )
    }

    @Test(arguments: 1...64 as ClosedRange<UInt64>)
    func invariantsHold(seed: UInt64) async throws {
        try await hold(seed)
    }

    @Test(arguments: fresh)
    func invariantsHoldForNewSeeds(seed: UInt64) async throws {
        try await hold(seed)
    }

    /// A fault that occurs in no run is not tested by any.
    @Test func theRunsShowWhatTheyAreFor() async throws {
        var (acknowledged, interrupted) = (0, 0)
        for seed in 1...24 as ClosedRange<UInt64> {
            let outcome = try await DaemonScenario(seed: seed).run()
            acknowledged += outcome.acknowledged
            interrupted += outcome.interrupted
        }
        #expect(acknowledged > 100 && interrupted > 2)
    }

    @Test func sameSeedGivesTheSameRun() async throws {
        let (one, other) = (try await DaemonScenario(seed: 3).run(), try await DaemonScenario(seed: 3).run())
        #expect(one.trace == other.trace && one.jobs == other.jobs)
    }
}
