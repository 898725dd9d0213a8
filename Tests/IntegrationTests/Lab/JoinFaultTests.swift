import StellarTestKit
import Testing

/// Nodes that come and go, many of them at once.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(60)))
struct JoinFaultTests {
    @Test func allNodesRestartAtOnceInAnyOrderWithoutAPeer() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        print("order from seed \(seed)")
        try await StellarCluster.with(4) { cluster in
            try await cluster.form()
            for node in cluster.nodes {
                node.flags = []
                try await node.remembers(cluster.nodes.filter { $0 !== node })
            }
            try await Soak.rounds(2) { round in
                for node in cluster.nodes { node.kill() }
                for node in cluster.nodes.shuffled(using: &random) {
                    try node.launch()
                    if round.isMultiple(of: 2) { try await Task.sleep(for: .milliseconds(300)) }
                }
                for node in cluster.nodes { try await node.answers() }
                try await cluster.seeEachOther()
            }
        }
    }

    /// Six times, twenty in the long version; each of the pair gets a subnet of its own.
    @Test func twoNodesThatJoinInTheSameInstantAreNeverGivenOneSubnet() async throws {
        try await StellarCluster.with(3) { cluster in
            let (seed, pair) = (cluster.nodes[0], cluster.nodes[1...])
            try await seed.start()
            for round in 1...Soak.either(6, long: 20) {
                // New machines: nothing on the disk, a name that nobody had.
                for node in pair {
                    TemporaryDirectory.remove(node.dataDirectory)
                    node.flags = ["--peer", seed.address, "--node-name", "\(node.name)-\(round)"]
                }
                for node in pair { try node.launch() }
                for node in pair { try await node.answers() }
                let names = Set(pair.map { "\($0.name)-\(round)" })
                for node in cluster.nodes {
                    try await eventually("all see all", within: .seconds(180), every: .milliseconds(200)) {
                        let alive = try await node.listed().filter { $0.node.status == "alive" }.map(\.node.id)
                        return Set(alive) == names.union([seed.name]) ? true : nil
                    }
                }
                try await cluster.subnetsDiffer("round \(round)")
                for node in pair { await node.stop() }
            }
        }
    }

    @Test func aJoinWhileAnotherLeaves() async throws {
        try await StellarCluster.with(4) { cluster in
            let (first, second, leaving, joining) =
                (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2], cluster.nodes[3])
            for node in [first, second, leaving] {
                node.flags = node === first ? [] : ["--peer", first.address]
                try await node.start()
            }
            try await first.sees([(second, "alive"), (leaving, "alive")])
            try await Soak.rounds(2) { _ in
                // The one that it joins by is the one that leaves.
                joining.flags = ["--peer", leaving.address, "--peer", second.address]
                try joining.launch()
                #expect(await leaving.stop() == 0)
                try await joining.answers()
                for node in [first, second, joining] {
                    try await node.sees([(first, "alive"), (second, "alive"), (joining, "alive")])
                }
                try await first.sees([(leaving, "left")])
                leaving.flags = ["--peer", joining.address]
                try leaving.launch()
                #expect(await joining.stop() == 0)
                try await leaving.answers()
                for node in [first, second, leaving] {
                    try await node.sees([(first, "alive"), (second, "alive"), (leaving, "alive")])
                }
                try await first.sees([(joining, "left")])
            }
        }
    }
}
