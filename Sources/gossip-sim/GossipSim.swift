import ArgumentParser
import StellarTestKit

/// Runs simulated clusters: for `make sim`, `make sim-report`, and the figures of Benchmarks/sim.sh.
@main
struct GossipSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gossip-sim",
        abstract: "Runs clusters of the membership machine on a simulated network, decided by seeds.",
        subcommands: [RunSeeds.self, Trace.self, Store.self, Speed.self, Decode.self, Report.self]
    )
}

/// Seeds on the command line: `7`, `1-64`, `1-64,100`.
struct Seeds: ExpressibleByArgument {
    var values: [UInt64]

    init?(argument: String) {
        guard let seeds = SimulationSeeds.parse(argument) else { return nil }
        values = seeds
    }
}
