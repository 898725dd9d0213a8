import ArgumentParser
import StellarAPI

struct ClusterQuarantineDrop: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "drop",
        abstract: "Give up writes that are kept aside.",
        usage: "sctl [global options] cluster quarantine drop <key>...",
        discussion:
            "It is gone for good. A node that does not answer is named, and may still keep it; the exit code is 5 then."
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var writes: QuarantinedArgument

    func run() async throws {
        try await change(.drop, writes, done: "dropped")
    }
}
