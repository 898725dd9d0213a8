import ArgumentParser

struct NodeGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "The node that answers, by itself.",
        subcommands: [NodeContainersGroup.self]
    )
}

struct NodeContainersGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers",
        abstract: "The node's containers.",
        subcommands: [NodeContainersList.self, NodeContainersRestart.self, NodeContainersDelete.self]
    )
}

/// The id of a container.
enum ContainerIDArgument {
    static func required(_ id: String?) throws -> String {
        guard let id, !id.isEmpty else { throw ValidationError("you must specify an id") }
        return id
    }
}
