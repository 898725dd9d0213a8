import ArgumentParser
import StellarAPI

struct ClusterForget: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "forget",
        abstract: "Make all nodes forget one that will not come back.",
        usage: "sctl [global options] cluster forget <node>",
        discussion: """
            A node that is dead stays listed, and all others go on trying to reach it, until it comes back or is \
            forgotten. One that is alive cannot be forgotten: stop its daemon first.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    @Argument(help: ArgumentHelp("The node's name, as 'cluster nodes' has it.", valueName: "node"))
    var node: String?

    func validate() throws { _ = try arguments }

    private var arguments: String {
        get throws {
            guard let node, !node.isEmpty else { throw ValidationError("you must specify a node") }
            return node
        }
    }

    func run() async throws {
        let node = try arguments
        let outcomes = try await withClient { try await $0.cluster.forget(node) }
        switch globals.output {
        case .table: console.print("\(node) forgotten by \(outcomes.done.count.nodes)")
        case .json: console.print(outcomes.jsonText)
        }
        try outcomes.failUnlessAll("\(node) is forgotten")
    }
}
