import ArgumentParser
import StellarTestKit

struct RunSeeds: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the scenario of each seed; status 1 if a promise was broken."
    )

    @Option(help: "Seeds, for example 1-64 or 7,9. Without them new ones are drawn.")
    var seeds: Seeds?

    @Option(help: "How many seeds are drawn.")
    var fresh = 64

    @Option(help: "Nodes of each cluster, instead of the number that its seed decides.")
    var nodes: Int?

    @Flag(help: "Print each scenario.")
    var verbose = false

    func run() throws {
        var broken = 0
        var simulated = Duration.zero
        var random = SystemRandomNumberGenerator()
        let seeds = seeds?.values ?? (0..<fresh).map { _ in random.next() >> 32 }
        for seed in seeds {
            let scenario = SimulationScenario(seed: seed, nodes: nodes)
            if verbose { print(scenario) }
            let outcome = scenario.run()
            simulated += outcome.duration
            guard !outcome.violations.isEmpty else { continue }
            broken += 1
            print(scenario)
            for violation in outcome.violations { print("    \(violation)") }
            print("    again: make sim SEEDS=\(seed) NODES=\(scenario.nodes)")
        }
        print("\(seeds.count) seeds, \(simulated.components.seconds) simulated seconds, \(broken) broken")
        if broken > 0 { throw ExitCode.failure }
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
