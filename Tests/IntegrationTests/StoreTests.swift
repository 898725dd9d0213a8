import StellarTestKit
import Testing

/// The replicated store between real daemons: what is made on one node is on all of them, whatever happens in between.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(30)))
struct StoreTests {
    /// Waits until a node answers a name with exactly this address; nil: not at all.
    private func answers(_ node: StellarCluster.Node, _ name: String, _ address: String?) async throws {
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

    @Test func whatIsMadeOnOneNodeIsOnAllAndOutlivesKills() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let nodes = cluster.nodes
            try await nodes[0].sctl("nameserver", "create", "a.example", "10.0.0.1")
            for node in nodes { try await answers(node, "a.example", "10.0.0.1") }

            // Whoever is killed right after its answer has it, and the others get it when it is back.
            try await nodes[1].sctl("nameserver", "create", "b.example", "10.0.0.2")
            nodes[1].kill()
            try await nodes[2].sctl("nameserver", "create", "c.example", "10.0.0.3")
            try await nodes[1].start()
            for node in nodes {
                try await answers(node, "a.example", "10.0.0.1")
                try await answers(node, "b.example", "10.0.0.2")
                try await answers(node, "c.example", "10.0.0.3")
            }

            // Who was away hears of deletes, too.
            nodes[2].kill()
            try await nodes[0].sctl("nameserver", "delete", "a.example")
            try await nodes[2].start()
            for node in nodes { try await answers(node, "a.example", nil) }

            // All at once, in another order.
            for node in nodes { node.kill() }
            for node in nodes.reversed() { try await node.start() }
            for node in nodes {
                try await answers(node, "b.example", "10.0.0.2")
                try await answers(node, "a.example", nil)
            }
        }
    }

    @Test func bothSidesOfASplitWriteAndAreOneAfterwards() async throws {
        try await StellarCluster.with(2) { cluster in
            try await cluster.form()
            let (first, second) = (cluster.nodes[0], cluster.nodes[1])
            try await first.sctl("nameserver", "create", "both.example", "10.0.0.1")
            try await first.sctl("nameserver", "create", "gone.example", "10.0.0.1")
            try await answers(second, "both.example", "10.0.0.1")
            try await answers(second, "gone.example", "10.0.0.1")

            try await second.unplug()
            try await first.sees([(second, "dead")])
            try await second.sees([(first, "dead")])
            try await first.sctl("nameserver", "create", "left.example", "10.0.1.1")
            try await second.sctl("nameserver", "create", "right.example", "10.0.2.1")
            try await second.sctl("nameserver", "delete", "gone.example")
            // Of two writes of one name the later counts.
            try await first.sctl("nameserver", "create", "both.example", "10.0.0.2")
            try await second.sctl("nameserver", "create", "both.example", "10.0.0.3")

            try await second.replug()
            for node in cluster.nodes {
                try await answers(node, "left.example", "10.0.1.1")
                try await answers(node, "right.example", "10.0.2.1")
                try await answers(node, "both.example", "10.0.0.3")
                try await answers(node, "gone.example", nil)
            }
        }
    }
}
