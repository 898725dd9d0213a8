import ArgumentParser
import StellarAPI
import StellarDaemon

/// The daemon's command line: flags and verbs, no logic.
@main
struct Stellar: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stellar",
        abstract: "A cluster of container hosts without a master: the daemon of one node.",
        version: "stellar version \(StellarVersion.current)",
        subcommands: [Server.self, Config.self]
    )

    @Flag(name: [.customShort("D"), .long], help: "Log everything.")
    var debug = false
}
