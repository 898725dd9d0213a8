import ArgumentParser

struct ClusterKeysGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "The keys that gossip is encrypted with.",
        discussion: """
            To change the key without a gap: 'add' the new one, then 'use' it, then 'remove' the old one, each when the \
            one before has reached every node. Nodes that do not get a change are named, and the exit code is 5. \
            A key is shown by its fingerprint alone, the first 16 hexadecimal digits of its SHA-256.
            """,
        subcommands: [ClusterKeysList.self, ClusterKeysAdd.self, ClusterKeysUse.self, ClusterKeysRemove.self]
    )
}
