import ArgumentParser
import Glibc
import StellarAPI

struct ClusterHealth: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "health",
        abstract: "Show which nodes are healthy; fails when one is not.",
        usage: "sctl [global options] cluster health",
        discussion: "A node that has left is no failure; one that is dead is, until it is forgotten."
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        // A table has no room for the peers that each node sees.
        let detail: ClusterHealthRequest.Detail = globals.output == .table ? .problems : .all
        let nodes = try await withClient { try await $0.cluster.health(detail) }.byID
        switch globals.output {
        case .table:
            console.writeOut(Self.table(nodes, now: Int64(time(nil))))
        case .json: console.print(nodes.jsonText)
        }
        let unwell = Self.unwell(nodes)
        guard unwell.isEmpty else { throw Failure(unwell.joined(separator: ", "), status: .unavailable) }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ nodes: [ClusterNodeHealth], now: Int64) -> String {
        var table = Table("NAME", "STATUS", "UPTIME", "MEMORY (USED)", "LAST SEEN")
        for node in nodes {
            table.add(
                node.node.id,
                node.node.statusText,
                node.health.uptime(now: now),
                node.health.memory,
                node.node.lastSeen(now: now)
            )
        }
        return table.text
    }

    /// What is wrong with the nodes, in words.
    static func unwell(_ nodes: [ClusterNodeHealth]) -> [String] {
        nodes.flatMap { node in
            var problems: [String] = []
            if !["alive", "left"].contains(node.node.statusText) {
                let reason = node.node.reason.isEmpty ? "" : ": \(node.node.reason)"
                problems.append("\(node.node.id) is \(node.node.statusText)\(reason)")
            }
            if !node.node.conflict.isEmpty {
                problems.append(
                    "\(node.node.id): another live node has this name, at \(node.node.conflict); give one of them "
                        + "another with --node-name"
                )
            }
            return problems + node.health.problems.map { "\(node.node.id): \($0)" }
        }
    }
}
