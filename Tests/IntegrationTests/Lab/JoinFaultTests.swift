import StellarTestKit
import Testing

/// Nodes that join and leave, many of them at once.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct JoinFaultTests {
    @Test func allNodesFindEachOtherAfterARestartWithoutPeers() async throws {
        var random = SplitMix64(seed: Soak.seed("order"))
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
                for node in cluster.nodes { try await node.responds() }
                try await cluster.seeEachOther()
            }
        }
    }

    /// Three times, twenty in the long form: each node of the pair gets a subnet of its own, and runs containers that reach all
    /// others.
    @Test func simultaneousJoinersGetDifferentSubnets() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (seed, pair) = (cluster.nodes[0], cluster.nodes[1...])
            try await seed.start()
            for round in 1...Soak.either(3, long: 20) {
                // New machines: an empty disk and a new name.
                for node in pair {
                    TemporaryDirectory.remove(node.dataDirectory)
                    node.flags = ["--peer", seed.address, "--node-name", "\(node.name)-\(round)"]
                }
                for node in pair { try node.launch() }
                for node in pair { try await node.responds() }
                let names = Set(pair.map { "\($0.name)-\(round)" })
                for node in cluster.nodes {
                    try await eventually("every node sees every node", within: .seconds(180), every: .milliseconds(200))
                    {
                        let alive = try await node.listed().filter { $0.node.status == "alive" }.map(\.node.id)
                        return Set(alive) == names.union([seed.name]) ? true : nil
                    }
                }
                try await cluster.subnetsDiffer("round \(round)")
                // The two new nodes take turns.
                let creator = pair[pair.startIndex + round % 2]
                try await creator.create("web", image, replicas: 3)
                let places = try await cluster.runs("web", 3, "round \(round)")
                #expect(Set(places.map(\.node.name)).count == 3, "\(places.map { ($0.id, $0.node.name) })")
                try await cluster.isWhole(["web": 3], "round \(round)")
                try await seed.sctl("apps", "delete", "web")
                try await cluster.runs("web", 0, "round \(round)")
                for node in pair { await node.stop() }
            }
        }
    }

    /// An app is scaled at the same time.
    @Test func aNodeJoinsWhileItsPeerLeaves() async throws {
        try await StellarCluster.with(4, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (first, second, leaving, joining) =
                (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2], cluster.nodes[3])
            for node in [first, second, leaving] {
                node.flags = node === first ? [] : ["--peer", first.address]
                try await node.start()
            }
            try await first.sees([(second, "alive"), (leaving, "alive")])
            try await first.create("web", image, replicas: 3)
            var replicas = 3
            try await Soak.rounds(2) { round in
                // The peer of the joining node is the node that leaves.
                for (leaver, joiner) in [(leaving, joining), (joining, leaving)] {
                    let wanted = 3 + replicas % 4
                    replicas = wanted
                    joiner.flags = ["--peer", leaver.address, "--peer", second.address]
                    try joiner.launch()
                    async let scaled = second.sctl("apps", "scale", "web", "\(wanted)")
                    #expect(await leaver.stop() == 0)
                    _ = try await scaled
                    try await joiner.responds()
                    for node in [first, second, joiner] {
                        try await node.sees([(first, "alive"), (second, "alive"), (joiner, "alive")])
                    }
                    try await first.sees([(leaver, "left")])
                }
                try await joining.start()
                try await cluster.seeEachOther()
                try await cluster.isWhole(["web": replicas], "round \(round)")
                await joining.stop()
            }
        }
    }
}
