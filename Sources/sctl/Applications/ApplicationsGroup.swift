import ArgumentParser

struct ApplicationsGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "applications",
        abstract: "Apps: create, delete, list, inspect, restart, scale.",
        subcommands: [
            ApplicationsList.self, ApplicationsCreate.self, ApplicationsDelete.self, ApplicationsInspect.self,
            ApplicationsRestart.self, ApplicationsScale.self,
        ],
        aliases: ["apps"]
    )
}

/// The name of an app, or of one of its services or replicas.
enum ApplicationName {
    static func required(_ name: String?) throws -> String {
        guard let name, !name.isEmpty else { throw ValidationError("you must specify an application name") }
        return name
    }
}
