import ArgumentParser
import StellarAPI

struct NodeContainersRestart: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "restart",
        abstract: "Stop a container if it runs and start it again.",
        usage: "sctl [global options] node containers restart <id>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("APP.SERVICE.REPLICA.", valueName: "id"))
    var id: String?

    func validate() throws { _ = try ContainerIDArgument.required(id) }

    func run() async throws {
        let id = try ContainerIDArgument.required(id)
        try await withClient(limit: nil) { try await $0.node.restartContainer(id) }
        console.print("\(id) restarted")
    }
}
