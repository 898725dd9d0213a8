import ArgumentParser
import StellarAPI

struct ClusterLeave: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "leave",
        abstract: "Take the daemon's node out of the cluster.",
        usage: "sctl [global options] cluster leave",
        discussion: """
            The others are told that it left of its own will. Its containers go on, and its daemon answers for itself \
            alone. It joins again when the daemon is started again; to have it gone for good, stop the daemon.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        try await withClient { try await $0.cluster.leave() }
        console.print("left the cluster")
    }
}
