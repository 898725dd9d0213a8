import ArgumentParser
import Glibc
import StellarAPI
import StellarCore
import SwiftProtobuf

struct ClusterNodes: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "nodes",
        abstract: "List the nodes.",
        usage: "sctl [global options] cluster nodes"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        // Text has no room for the peers that each node sees, nor for its problems.
        let detail: ClusterHealthRequest.Detail = globals.output == .table ? .host : .all
        let nodes = try await withClient { try await $0.cluster.health(detail) }.byID
        switch globals.output {
        case .table: console.writeOut(Self.table(nodes, now: Int64(time(nil))))
        case .json: console.print(nodes.jsonText)
        }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ nodes: [ClusterNodeHealth], now: Int64) -> String {
        var table = Table("NAME", "ADDR", "OS", "UPTIME", "CPUS", "MEMORY (USED)", "STATUS", "LAST SEEN")
        for node in nodes {
            table.add(
                node.node.id,
                node.node.address,
                node.health.operatingSystem,
                node.health.uptime(now: now),
                node.hasHealth ? "\(node.health.cpus)" : "",
                node.health.memory,
                node.node.statusAndConflict,
                node.node.lastSeen(now: now)
            )
        }
        return table.text
    }
}

extension [ClusterNodeHealth] {
    var byID: [ClusterNodeHealth] { sorted { $0.node.id < $1.node.id } }
}

extension ClusterNode {
    /// A daemon that reports no status lists only nodes that responded.
    var statusText: String { status.isEmpty ? "alive" : status }

    /// Two machines with one name are one row, which must not look as if all were well.
    var statusAndConflict: String { conflict.isEmpty ? status : "\(status), name also at \(conflict)" }

    /// - Parameter now: seconds since 1970.
    func lastSeen(now: Int64) -> String {
        guard hasLastSeen else { return "" }
        return statusText == "alive" ? "now" : lastSeen.ago(now: now)
    }
}

extension HealthNodeHealth {
    /// Empty for a node that did not answer.
    var operatingSystem: String { osName.isEmpty ? "" : "\(osName) (\(osVersion))" }

    func uptime(now: Int64) -> String {
        guard hasStartedAt else { return "" }
        let (span, overflow) = now.subtractingReportingOverflow(startedAt.seconds)
        return RelativeTime.format(.seconds(overflow ? 0 : span))
    }

    /// Used of total; empty for a node that did not answer.
    var memory: String {
        guard memoryTotal != 0 else { return "" }
        return "\(HumanSize.format(UInt64(max(0, memoryUsed)))) / \(HumanSize.format(UInt64(max(0, memoryTotal))))"
    }
}
