import ArgumentParser
import StellarAPI
import StellarCore

struct ApplicationsInspect: Verb {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show an app, its services and their replicas.",
        usage: "sctl [global options] applications inspect <name> [--format text|json]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Option(name: .long, help: ArgumentHelp("text or json.", valueName: "format"))
    var format = "text"

    @Argument(help: ArgumentHelp("The app.", valueName: "name"))
    var name: String?

    func validate() throws {
        _ = try ApplicationName.required(name)
        guard format == "text" || format == "json" else {
            throw ValidationError("invalid output format: \(format)")
        }
    }

    func run() async throws {
        let name = try ApplicationName.required(name)
        let app = try await withClient { try await $0.application.get(name) }
        if format == "json" || globals.output == .json {
            console.print(app.json.rendered(indent: 1))
        } else {
            console.writeOut(ApplicationInspection(app).text)
        }
    }
}
