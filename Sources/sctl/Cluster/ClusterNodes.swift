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
        let nodes = try await withClient { try await $0.cluster.health() }.byID
        switch globals.output {
        case .table: console.writeOut(Self.table(nodes, now: Int64(time(nil))))
        case .json: console.print(nodes.jsonText)
        }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ nodes: [ClusterNodeHealth], now: Int64) -> String {
        var table = Table("NAME", "ADDR", "OS", "UPTIME", "CPUS", "MEMORY (USED)", "STATUS")
        for node in nodes {
            table.add(
                node.node.id,
                node.node.address,
                node.health.operatingSystem,
                node.health.uptime(now: now),
                "\(node.health.cpus)",
                node.health.memory,
                node.node.status
            )
        }
        return table.text
    }
}

extension [ClusterNodeHealth] {
    var byID: [ClusterNodeHealth] { sorted { $0.node.id < $1.node.id } }
}

extension HealthNodeHealth {
    var operatingSystem: String { "\(osName) (\(osVersion))" }

    func uptime(now: Int64) -> String {
        guard hasStartedAt else { return "" }
        let (span, overflow) = now.subtractingReportingOverflow(startedAt.seconds)
        return RelativeTime.format(.seconds(overflow ? 0 : span))
    }

    /// Used of total.
    var memory: String {
        "\(HumanSize.format(UInt64(max(0, memoryUsed)))) / \(HumanSize.format(UInt64(max(0, memoryTotal))))"
    }
}
