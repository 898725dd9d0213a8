import ArgumentParser
import StellarTestKit

struct RunSeeds: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the scenario of each seed; exit code 1 if a guarantee was violated."
    )

    @Option(help: "Seeds, for example 1-64 or 7,9. The default is new random seeds.")
    var seeds: Seeds?

    @Option(help: "How many random seeds to run.")
    var fresh = 64

    @Option(help: "Nodes of each cluster, instead of the number that its seed determines.")
    var nodes: Int?

    @Flag(help: "Print each scenario.")
    var verbose = false

    @Option(help: "Run only this one of each seed's two runs: membership, or store.")
    var only: Kind?

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case membership, store
    }

    func run() throws {
        var broken = 0
        var simulated = Duration.zero
        let seeds = seeds?.values ?? SimulationSeeds.fresh(fresh)
        for seed in seeds {
            let runs = Kind.allCases.filter { only == nil || only == $0 }.map { run($0, seed) }
            simulated = runs.reduce(simulated) { $0 + $1.duration }
            if runs.contains(where: \.isBroken) { broken += 1 }
        }
        print("\(seeds.count) seeds, \(simulated.components.seconds) simulated seconds, \(broken) broken")
        if broken > 0 { throw ExitCode.failure }
    }

    private func run(_ kind: Kind, _ seed: UInt64) -> (duration: Duration, isBroken: Bool) {
        switch kind {
        case .membership:
            let scenario = SimulationScenario(seed: seed, nodes: nodes)
            if verbose { print(scenario) }
            let outcome = scenario.run()
            report(outcome.violations, "\(scenario)", seed, scenario.nodes)
            return (outcome.duration, !outcome.violations.isEmpty)
        case .store:
            let scenario = StoreScenario(seed: seed, nodes: nodes)
            if verbose { print(scenario) }
            let outcome = scenario.run()
            if verbose {
                let ledger = outcome.ledger
                print(
                    "    \(ledger.acknowledged) writes, \(ledger.exchanges) exchanges, "
                        + "\(ledger.purged) tombstones forgotten, \(ledger.quarantined) quarantined"
                )
            }
            report(outcome.ledger.violations, "\(scenario)", seed, scenario.nodes)
            return (outcome.duration, !outcome.ledger.violations.isEmpty)
        }
    }

    private func report(
        _ violations: [some CustomStringConvertible],
        _ scenario: String,
        _ seed: UInt64,
        _ nodes: Int
    ) {
        guard !violations.isEmpty else { return }
        print(scenario)
        for violation in violations { print("    \(violation)") }
        print("    repeat with: make sim SEEDS=\(seed) NODES=\(nodes)")
    }
}

struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a digest of each seed's run.")

    @Option(help: "Seeds, for example 1-64.")
    var seeds: Seeds

    @Option(help: "Nodes of each cluster.")
    var nodes: Int?

    func run() {
        for seed in seeds.values {
            print(seed, String(SimulationScenario(seed: seed, nodes: nodes).run().trace, radix: 16))
        }
    }
}
