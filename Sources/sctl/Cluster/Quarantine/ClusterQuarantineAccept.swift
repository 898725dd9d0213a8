import ArgumentParser
import StellarAPI

struct ClusterQuarantineAccept: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "accept",
        abstract: "Apply quarantined writes.",
        usage: "sctl [global options] cluster quarantine accept <key>...",
        discussion: """
            A node that has the write makes it again, as if it was requested now: an accepted app starts to run, and the \
            present value of its key is replaced.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var writes: QuarantinedArgument

    func run() async throws {
        try await change(.accept, writes, done: "accepted")
    }
}
