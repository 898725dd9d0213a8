import ArgumentParser

struct NetworkGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Subnets of nodes, and the ways between them.",
        subcommands: [NetworkList.self, NetworkInspect.self]
    )
}
