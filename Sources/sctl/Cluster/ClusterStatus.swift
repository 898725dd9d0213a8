import ArgumentParser
import Glibc
import StellarAPI
import SwiftProtobuf

struct ClusterStatus: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "status",
        abstract: "Show how complete each node's copy of the store is.",
        usage: "sctl [global options] cluster status",
        discussion: """
            Every node has a copy of the store: apps, records, subnets. STATE says whether it has all writes of the \
            reachable nodes; it fetches missing ones by itself. ASIDE counts quarantined writes: see 'cluster quarantine'.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let nodes = try await withClient { try await $0.cluster.status() }.sorted { $0.node.id < $1.node.id }
        switch globals.output {
        case .table: console.writeOut(Self.table(nodes, now: Int64(time(nil))))
        case .json: console.print(nodes.jsonText)
        }
        for line in Self.notes(nodes) { console.note(line.singleLine) }
    }

    /// - Parameter now: seconds since 1970.
    static func table(_ nodes: [ClusterNodeStatus], now: Int64) -> String {
        var table = Table("NAME", "STATUS", "STATE", "ENTRIES", "ASIDE", "LAST SEEN")
        for node in nodes {
            table.add(
                node.node.id,
                node.node.statusAndConflict,
                state(node),
                node.hasStore ? "\(node.store.entries)" : "",
                node.hasStore ? "\(node.store.quarantined.count)" : "",
                node.node.lastSeen(now: now)
            )
        }
        return table.text
    }

    /// `converged`, `behind node-2 (4s)`: so much later than what it has is the last that it lacks.
    static func state(_ node: ClusterNodeStatus) -> String {
        guard node.hasStore else { return "unknown" }
        guard !node.behind.isEmpty else { return "converged" }
        return "behind "
            + node.behind.map { lag in
                guard lag.hasHas else { return "\(lag.origin) (all of it)" }
                // Whatever a daemon says, it does not end sctl.
                let (seconds, isNonsense) = lag.newest.seconds.subtractingReportingOverflow(lag.has.seconds)
                return "\(lag.origin) (\(isNonsense ? 1 : max(seconds, 1))s)"
            }.joined(separator: ", ")
    }

    /// What deserves a line of its own.
    static func notes(_ nodes: [ClusterNodeStatus]) -> [String] {
        nodes.flatMap { node in
            var notes: [String] = []
            if !node.hasStore, !node.node.reason.isEmpty {
                notes.append("without \(node.node.id) (\(node.node.statusText)): \(node.node.reason)")
            }
            if !node.node.conflict.isEmpty {
                notes.append("\(node.node.id): another live node has this name, at \(node.node.conflict)")
            }
            return notes
                + node.store.quarantined.map { aside in
                    "\(node.node.id) keeps \(aside.key) in \(aside.bucket), of \(aside.origin), aside: \(aside.reason)"
                }
        }
    }
}
