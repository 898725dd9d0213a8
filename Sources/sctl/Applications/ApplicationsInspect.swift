import ArgumentParser
import StellarAPI
import StellarCore

struct ApplicationsInspect: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "inspect",
        abstract: "Show an app, its services and their replicas.",
        usage: "sctl [global options] applications inspect <name> [--format text|json|file]",
        discussion: """
            What `--format file` prints is the app file, to change it and create the app again; with `--format json` the \
            file is the member "definition" beside what runs of it, and `apps create` takes that too.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Option(
        name: .long,
        help: ArgumentHelp("text, json or file.", valueName: "format"),
        completion: .list(["text", "json", "file"])
    )
    var format = "text"

    @Argument(help: ArgumentHelp("The app.", valueName: "name"))
    var name: String?

    func validate() throws {
        _ = try ApplicationName.required(name)
        guard ["text", "json", "file"].contains(format) else {
            throw ValidationError("invalid output format: \(format)")
        }
    }

    func run() async throws {
        let name = try ApplicationName.required(name)
        let app = try await withClient { try await $0.application.get(name) }
        if format == "file" {
            console.writeOut(try Self.file(app))
        } else if format == "json" || globals.output == .json {
            console.print(app.jsonText(indent: 1))
        } else {
            console.writeOut(ApplicationInspection(app).text)
        }
    }

    private static func file(_ app: ApplicationApp) throws -> String {
        guard let definition = app.definitionInFileForm else {
            throw Failure("the daemon does not report the definition of \(app.name); it may be an older version")
        }
        return definition.text(indented: true)
    }
}
