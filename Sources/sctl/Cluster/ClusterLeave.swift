import ArgumentParser
import StellarAPI

struct ClusterLeave: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "leave",
        abstract: "Take the daemon's node out of the cluster.",
        usage: "sctl [global options] cluster leave",
        discussion: """
            The other nodes list it as left. Its containers go on, and its daemon responds for itself alone. The node joins \
            again when its daemon restarts; to remove the node for good, stop the daemon.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        try await withClient { try await $0.cluster.leave() }
        console.print("left the cluster")
    }
}
