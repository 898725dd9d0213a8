import ArgumentParser

/// A cluster of several hosts on this machine that stays up for hands-on use: `make lab`, `make lab-clean`, and the figures
/// of Benchmarks/cluster.sh. The hosts are those of the tests.
@main
struct StellarLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stellar-lab",
        abstract: "Builds a cluster on this machine, each host in a network namespace, and takes it away again.",
        subcommands: [Up.self, Clean.self]
    )
}
