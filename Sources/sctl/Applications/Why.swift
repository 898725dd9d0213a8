import ArgumentParser
import StellarAPI
import StellarCore

struct Why: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "why",
        abstract: "Explain why an app is as it is.",
        usage: "sctl [global options] why <name>",
        discussion: """
            Shows which command decided what should run, on which node and when; what each replica does, why it does not \
            run, and what it waits for. The daemon reads all of it from its own copy of the store, and calls no other node.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("APP, APP.SERVICE or APP.SERVICE.REPLICA.", valueName: "name"))
    var name: String?

    func validate() throws { _ = try ApplicationName.required(name) }

    func run() async throws {
        let name = try ApplicationName.required(name)
        let lines = try await withClient { try await $0.application.why(name) }
        switch globals.output {
        case .table: for line in lines { console.print(line.singleLine) }
        case .json: console.print(JSONNode(lines.json).text(indent: 2))
        }
    }
}
