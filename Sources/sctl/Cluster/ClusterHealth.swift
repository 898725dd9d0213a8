import ArgumentParser
import Glibc
import StellarAPI

struct ClusterHealth: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "health",
        abstract: "Tell which nodes are well; fails when one is not.",
        usage: "sctl [global options] cluster health"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let nodes = try await withClient { try await $0.cluster.health() }.byID
        switch globals.output {
        case .table:
            var table = Table("NAME", "STATUS", "UPTIME", "MEMORY (USED)")
            for node in nodes {
                table.add(
                    node.node.id,
                    node.node.statusText,
                    node.health.uptime(now: Int64(time(nil))),
                    node.health.memory
                )
            }
            console.writeOut(table.text)
        case .json: console.print(nodes.jsonText)
        }
        let unwell = Self.unwell(nodes)
        guard unwell.isEmpty else { throw Failure(unwell.joined(separator: ", "), status: .unavailable) }
    }

    /// What is wrong with the nodes, in words.
    static func unwell(_ nodes: [ClusterNodeHealth]) -> [String] {
        nodes.flatMap { node in
            let away = node.node.statusText == "alive" ? [] : ["\(node.node.id) is \(node.node.statusText)"]
            return away + node.health.problems.map { "\(node.node.id): \($0)" }
        }
    }
}

extension ClusterNode {
    /// A daemon that tells no status lists only nodes that answered.
    var statusText: String { status.isEmpty ? "alive" : status }
}
