import ArgumentParser
import StellarAPI

struct ApplicationsDelete: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "delete",
        abstract: "Stop and remove an app, one of its services or one replica.",
        usage: "sctl [global options] applications delete <name>",
        discussion: """
            Each container gets its image's stop signal (SIGTERM by default), a grace period, then SIGKILL. Its addresses \
            and names go with it.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("APP, APP.SERVICE or APP.SERVICE.REPLICA.", valueName: "name"))
    var name: String?

    func validate() throws { _ = try ApplicationName.required(name) }

    func run() async throws {
        let name = try ApplicationName.required(name)
        try await withClient(limit: nil) { try await $0.application.delete(name) }
        console.print("\(name) deleted")
    }
}
