import StellarTestKit
import Testing

/// The replicated store between real daemons: all nodes get all writes.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(30)))
struct StoreTests {
    /// Waits until a node lists a record with exactly this address; nil: no record.
    private func lists(_ node: StellarCluster.Node, _ name: String, _ address: String?) async throws {
        try await eventually(
            "\(node.name) has \(name) as \(address ?? "nothing")",
            within: .seconds(120),
            every: .milliseconds(100)
        ) {
            let row = try await node.sctl("nameserver", "list").split(separator: "\n").first {
                $0.hasPrefix("\(name) ")
            }
            return address.map { row?.contains(" \($0) ") ?? false } ?? (row == nil) ? true : nil
        }
    }

    @Test func writesReachAllNodesAndSurviveKills() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let nodes = cluster.nodes
            try await nodes[0].sctl("nameserver", "create", "a.example", "10.0.0.1")
            for node in nodes { try await lists(node, "a.example", "10.0.0.1") }

            // A node that is killed right after its response has the write; the others get it when it returns.
            try await nodes[1].sctl("nameserver", "create", "b.example", "10.0.0.2")
            nodes[1].kill()
            try await nodes[2].sctl("nameserver", "create", "c.example", "10.0.0.3")
            try await nodes[1].start()
            for node in nodes {
                try await lists(node, "a.example", "10.0.0.1")
                try await lists(node, "b.example", "10.0.0.2")
                try await lists(node, "c.example", "10.0.0.3")
            }

            // A returning node gets deletes, too.
            nodes[2].kill()
            try await nodes[0].sctl("nameserver", "delete", "a.example")
            try await nodes[2].start()
            for node in nodes { try await lists(node, "a.example", nil) }

            // All nodes at once, in another order.
            for node in nodes { node.kill() }
            for node in nodes.reversed() { try await node.start() }
            for node in nodes {
                try await lists(node, "b.example", "10.0.0.2")
                try await lists(node, "a.example", nil)
            }
        }
    }

    @Test func bothSidesOfASplitWriteAndConverge() async throws {
        try await StellarCluster.with(2) { cluster in
            try await cluster.form()
            let (first, second) = (cluster.nodes[0], cluster.nodes[1])
            try await first.sctl("nameserver", "create", "both.example", "10.0.0.1")
            try await first.sctl("nameserver", "create", "deleted.example", "10.0.0.1")
            try await lists(second, "both.example", "10.0.0.1")
            try await lists(second, "deleted.example", "10.0.0.1")

            try await second.unplug()
            try await first.sees([(second, "dead")])
            try await second.sees([(first, "dead")])
            try await first.sctl("nameserver", "create", "left.example", "10.0.1.1")
            try await second.sctl("nameserver", "create", "right.example", "10.0.2.1")
            try await second.sctl("nameserver", "delete", "deleted.example")
            // Of two writes of one name, the later one wins.
            try await first.sctl("nameserver", "create", "both.example", "10.0.0.2")
            try await second.sctl("nameserver", "create", "both.example", "10.0.0.3")

            try await second.replug()
            for node in cluster.nodes {
                try await lists(node, "left.example", "10.0.1.1")
                try await lists(node, "right.example", "10.0.2.1")
                try await lists(node, "both.example", "10.0.0.3")
                try await lists(node, "deleted.example", nil)
            }
        }
    }
}
