import ArgumentParser
import StellarAPI

struct NameserverDelete: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "delete",
        abstract: "Remove the records of one type from a name.",
        usage: "sctl [global options] nameserver delete <name> [--type <type>]"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var record: RecordTypeOption
    @OptionGroup var waiting: WaitOption

    @Argument(help: ArgumentHelp("The name, without a dot at its end.", valueName: "name"))
    var name: String?

    func validate() throws { _ = try arguments }

    private var arguments: String {
        get throws {
            guard let name, !name.isEmpty else { throw ValidationError("you must enter a name") }
            return name
        }
    }

    func run() async throws {
        let name = try arguments
        let type = try record.recordType
        try await withClient { try await $0.nameserver.delete(name, type: type) }
        console.print("removed \(name) (\(record.type))")
        try await wait(waiting)
    }
}
