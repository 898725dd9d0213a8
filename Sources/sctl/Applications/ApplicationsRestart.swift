import ArgumentParser
import StellarAPI
import StellarRPC

struct ApplicationsRestart: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "restart",
        abstract: "Restart the containers of an app, one of its services or one replica.",
        usage: "sctl [global options] applications restart <name>"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var waiting: WaitOption

    @Argument(help: ArgumentHelp("APP, APP.SERVICE or APP.SERVICE.REPLICA.", valueName: "name"))
    var name: String?

    func validate() throws { _ = try ApplicationName.required(name) }

    func run() async throws {
        let name = try ApplicationName.required(name)
        try await withClient(limit: nil) { client in
            do {
                try await client.application.restart(name) { console.noteWaiting($0) }
            } catch let error as RPCError where error.code == .unimplemented {
                // An original daemon.
                try await client.application.restart(name)
            }
        }
        try await wait(waiting)
    }
}
