import ArgumentParser
import StellarAPI

struct ClusterKeysAdd: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "add",
        abstract: "Have all nodes decrypt with a key.",
        usage: "sctl [global options] cluster keys add <key> | --file <file>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var key: KeyArgument

    func run() async throws {
        try await change(.add, key, acceptsFingerprint: false, done: "added")
    }
}
