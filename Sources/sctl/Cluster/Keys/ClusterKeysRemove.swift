import ArgumentParser
import StellarAPI

struct ClusterKeysRemove: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "remove",
        abstract: "Take a key away from all nodes.",
        usage: "sctl [global options] cluster keys remove <key> | --file <file>",
        discussion: "A key that a node still encrypts with stays: use another one first."
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var key: KeyArgument

    func run() async throws {
        try await change(.remove, key, acceptsFingerprint: true, done: "removed")
    }
}
