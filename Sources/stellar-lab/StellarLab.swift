import ArgumentParser

/// Makes a cluster of several hosts on this machine that stays up: for `make lab`, `make lab-clean` and
/// Benchmarks/cluster.sh. The hosts are those of the tests.
@main
struct StellarLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stellar-lab",
        abstract: "Starts a cluster on this machine, each host in a network namespace, and removes it.",
        subcommands: [Up.self, Clean.self]
    )
}
