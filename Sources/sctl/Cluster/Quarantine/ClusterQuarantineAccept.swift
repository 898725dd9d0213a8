import ArgumentParser
import StellarAPI

struct ClusterQuarantineAccept: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "accept",
        abstract: "Make writes count that are kept aside.",
        usage: "sctl [global options] cluster quarantine accept <key>...",
        discussion: """
            A node that has it writes it anew, as if somebody had asked for it now: an app that is accepted starts to run, \
            and of what is under that key by now nothing is left.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var writes: QuarantinedArgument

    func run() async throws {
        try await change(.accept, writes, done: "accepted")
    }
}
