import ArgumentParser
import Glibc
import StellarAPI
import StellarCore

struct ClusterInfo: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "info",
        abstract: "Sum up the cluster and describe each node.",
        usage: "sctl [global options] cluster info"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        // Text has no room for the peers that each node sees, nor for its problems.
        let detail: ClusterHealthRequest.Detail = globals.output == .table ? .host : .all
        let nodes = try await withClient { try await $0.cluster.health(detail) }.byID
        switch globals.output {
        case .table: console.writeOut(Self.text(nodes, now: Int64(time(nil))))
        case .json: console.print(Summary(nodes: nodes).jsonText())
        }
    }

    /// Blocks in the form of the original; its spaces and tabs are kept.
    ///
    /// - Parameter now: seconds since 1970.
    static func text(_ nodes: [ClusterNodeHealth], now: Int64) -> String {
        var lines = [
            "CPUs:\t\t\(total(nodes, \.cpus))",
            "Memory:\t\t\(size(total(nodes, \.memoryTotal)))",
            "Nodes:\t\t\(nodes.count)",
        ]
        for node in nodes {
            lines.append("  - ID:\t\t\(node.node.id.singleLine)")
            lines.append("    Addr:\t\t\(node.node.address.singleLine)")
            lines.append("    OS:\t\t\(node.health.operatingSystem.singleLine)")
            lines.append("    CPU:\t\(node.health.cpus)")
            lines.append("    Memory:\t\(size(node.health.memoryTotal))")
            if !node.node.labels.isEmpty {
                lines.append("    Labels: ")
                for (key, value) in node.node.labels.sorted(by: { $0.key < $1.key }) {
                    lines.append("      - \("\(key)=\(value)".singleLine)")
                }
            }
            if !node.node.status.isEmpty { lines.append("    Status:\t\(node.node.statusAndConflict.singleLine)") }
            if node.node.statusText != "alive", node.node.hasLastSeen {
                lines.append("    Seen:\t\(node.node.lastSeen(now: now))")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private struct Summary: JSONMessage {
        var nodes: [ClusterNodeHealth]

        var members: KeyValuePairs<String, any JSONValue> {
            ["cpus": total(nodes, \.cpus), "memory_total": total(nodes, \.memoryTotal), "nodes": nodes]
        }
    }

    /// A sum that a node's nonsense cannot overflow.
    private static func total(_ nodes: [ClusterNodeHealth], _ value: (HealthNodeHealth) -> Int64) -> Int64 {
        nodes.reduce(0) { sum, node in
            let (result, overflow) = sum.addingReportingOverflow(max(0, value(node.health)))
            return overflow ? .max : result
        }
    }

    private static func size(_ bytes: Int64) -> String { HumanSize.format(UInt64(max(0, bytes))) }
}
