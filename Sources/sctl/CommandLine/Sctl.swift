import ArgumentParser

/// The root of the command tree.
struct Sctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sctl",
        abstract: "Operates a Stellar cluster: any node that answers speaks for all.",
        usage: "sctl [global options] <command> ...",
        discussion: """
            A command stands after the global options (which may also follow it). It prints its result on stdout and \
            everything else on stderr.

            \(SctlExit.table)
            """,
        subcommands: [
            ApplicationsGroup.self, ClusterGroup.self, NodeGroup.self, NameserverGroup.self, NetworkGroup.self,
            ImagesGroup.self, Why.self, VersionShow.self, CompletionScript.self,
        ]
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Flag(name: [.long, .customShort("v")], help: "Print the version of sctl and stop.")
    var version = false

    func validate() throws {
        if version { throw CleanExit.message(BuildInformation.line) }
    }
}
