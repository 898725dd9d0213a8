import FoundationEssentials
import StellarTestKit
import Testing

/// `sctl cluster status` and `--wait converged` on real daemons.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(30)))
struct ClusterStatusTests {
    private struct Row: Decodable {
        struct Node: Decodable {
            var id: String
            var status: String
        }
        struct Store: Decodable {
            var entries: Int?
            var synced: Bool?
        }
        struct Lag: Decodable {
            var origin: String
        }
        var node: Node
        var store: Store?
        var behind: [Lag]?
    }

    private func status(_ node: StellarCluster.Node) async throws -> [Row] {
        let text = try await node.sctl("cluster", "status", "--output", "json")
        return try JSONDecoder().decode([Row].self, from: Data(text.utf8))
    }

    @Test func statusShowsConvergenceAndAWaitNamesDeadNodes() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let nodes = cluster.nodes
            // Returns when all nodes have the write on their disks: no poll is needed after it.
            try await nodes[0].sctl(
                "nameserver",
                "create",
                "a.example",
                "10.0.0.1",
                "--wait",
                "converged",
                "--wait-limit",
                "120s"
            )
            for node in nodes { #expect(try await node.sctl("nameserver", "list").contains("a.example")) }
            try await eventually(
                "all nodes show that all are converged",
                within: .seconds(120),
                every: .milliseconds(200)
            ) {
                () -> Bool? in
                for node in nodes {
                    let rows = try await status(node)
                    guard rows.count == 3, rows.allSatisfy({ $0.store?.synced ?? false && ($0.behind ?? []).isEmpty })
                    else {
                        return nil
                    }
                }
                return true
            }
            let table = try await nodes[1].sctl("cluster", "status")
            #expect(table.split(separator: "\n").first?.hasPrefix("NAME") ?? false, "\(table)")
            #expect(table.split(separator: "\n").count { $0.contains(" converged ") } == 3, "\(table)")

            // The command names a dead node, and neither fails nor waits for it.
            nodes[2].kill()
            try await nodes[0].sees([(nodes[2], "dead")])
            let write = try await nodes[0].run(
                "nameserver",
                "create",
                "b.example",
                "10.0.0.2",
                "--wait",
                "converged",
                "--wait-limit",
                "120s"
            )
            #expect(write.status == 0, "\(write.errors)")
            #expect(write.errors.contains("node-2"), "\(write.errors)")
            #expect(try await nodes[1].sctl("nameserver", "list").contains("b.example"))
            let rows = try await status(nodes[0])
            #expect(rows.first { $0.node.id == "node-2" }?.store?.entries == nil)
            #expect(rows.first { $0.node.id == "node-2" }?.node.status == "dead")
            #expect(try await nodes[0].sctl("cluster", "status").contains(" unknown "))
        }
    }
}
