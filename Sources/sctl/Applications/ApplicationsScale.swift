import ArgumentParser
import StellarAPI
import SwiftProtobuf

struct ApplicationsScale: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "scale",
        abstract: "Change the number of replicas of a service.",
        usage: "sctl [global options] applications scale <service> <replicas> [--dry-run] [--progress <form>]",
        discussion: """
            The replicas that are there stay where they are; more go where fewest are, and of fewer the last ones go. \
            `example.redis=3` is the same as `example.redis 3`.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var progress: ProgressOption
    @OptionGroup var dry: DryRunOption
    @OptionGroup var waiting: WaitOption

    @Argument(help: ArgumentHelp("APP.SERVICE, or APP where it has one service alone.", valueName: "service"))
    var name: String?

    @Argument(help: ArgumentHelp("The number of replicas.", valueName: "replicas"))
    var replicas: String?

    func validate() throws { _ = try wanted() }

    private func wanted() throws -> (name: String, replicas: UInt64) {
        var name = try ApplicationName.required(name)
        var number = replicas
        if number == nil, let equals = name.lastIndex(of: "=") {
            number = String(name[name.index(after: equals)...])
            name = String(name[..<equals])
        }
        guard let number else { throw ValidationError("you must specify a number of replicas") }
        guard let count = UInt64(number) else { throw ValidationError("\(number) is not a number of replicas") }
        return (name, count)
    }

    func run() async throws {
        let (name, count) = try wanted()
        if dry.dryRun {
            return try await showPlan(
                .with {
                    $0.scale.name = name
                    $0.scale.replicas = count
                }
            )
        }
        try await follow(progress.progress) { client, report in
            try await client.application.scale(name, replicas: count, progress: report)
        }
        try await wait(waiting)
    }
}
