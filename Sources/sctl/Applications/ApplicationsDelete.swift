import ArgumentParser
import StellarAPI
import StellarRPC
import SwiftProtobuf

struct ApplicationsDelete: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "delete",
        abstract: "Stop and remove an app, one of its services or one replica.",
        usage: "sctl [global options] applications delete <name> [--dry-run]",
        discussion: """
            Each container gets its image's stop signal (SIGTERM by default), a grace period, then SIGKILL. Its addresses \
            and names go with it. Replicas on an unreachable node are removed when the node is back, and named on stderr.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @OptionGroup var dry: DryRunOption
    @OptionGroup var waiting: WaitOption

    @Argument(help: ArgumentHelp("APP, APP.SERVICE or APP.SERVICE.REPLICA.", valueName: "name"))
    var name: String?

    func validate() throws { _ = try ApplicationName.required(name) }

    func run() async throws {
        let name = try ApplicationName.required(name)
        if dry.dryRun { return try await showPlan(.with { $0.delete.name = name }) }
        try await withClient(limit: nil) { client in
            do {
                try await client.application.delete(name) { console.noteWaiting($0) }
            } catch let error as RPCError where error.code == .unimplemented {
                // An original daemon.
                try await client.application.delete(name)
            }
        }
        console.print("\(name) deleted")
        try await wait(waiting)
    }
}
