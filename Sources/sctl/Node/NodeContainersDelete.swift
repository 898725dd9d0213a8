import ArgumentParser
import StellarAPI

struct NodeContainersDelete: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "delete",
        abstract: "Stop a container and remove all that belongs to it.",
        usage: "sctl [global options] node containers delete <id>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("APP.SERVICE.REPLICA.", valueName: "id"))
    var id: String?

    func validate() throws { _ = try ContainerIDArgument.required(id) }

    func run() async throws {
        let id = try ContainerIDArgument.required(id)
        try await withClient(limit: nil) { try await $0.node.deleteContainer(id) }
        console.print("\(id) deleted")
    }
}
