import ArgumentParser
import StellarAPI

struct ClusterKeysUse: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "use",
        abstract: "Have all nodes encrypt with a key that they have.",
        usage: "sctl [global options] cluster keys use <key> | --file <file>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var key: KeyArgument

    func run() async throws {
        try await change(.use, key, acceptsFingerprint: true, done: "in use")
    }
}
