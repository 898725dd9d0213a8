import StellarTestKit
import Testing

/// Nodes that come and go, many of them at once.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct JoinFaultTests {
    @Test func allNodesRestartAtOnceInAnyOrderWithoutAPeer() async throws {
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
                for node in cluster.nodes { try await node.answers() }
                try await cluster.seeEachOther()
            }
        }
    }

    /// Three times, twenty in the long version: each of the pair gets a subnet of its own, and runs containers in it that
    /// reach all others.
    @Test func twoNodesThatJoinInTheSameInstantAreNeverGivenOneSubnet() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (seed, pair) = (cluster.nodes[0], cluster.nodes[1...])
            try await seed.start()
            for round in 1...Soak.either(3, long: 20) {
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
                // By the nodes that are new, one after the other.
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

    /// While an app is scaled, too, whose containers all run on whatever comes and goes.
    @Test func aJoinWhileAnotherLeaves() async throws {
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
                // The one that it joins by is the one that leaves.
                for (goes, comes) in [(leaving, joining), (joining, leaving)] {
                    let wanted = 3 + replicas % 4
                    replicas = wanted
                    comes.flags = ["--peer", goes.address, "--peer", second.address]
                    try comes.launch()
                    async let scaled = second.sctl("apps", "scale", "web", "\(wanted)")
                    #expect(await goes.stop() == 0)
                    _ = try await scaled
                    try await comes.answers()
                    for node in [first, second, comes] {
                        try await node.sees([(first, "alive"), (second, "alive"), (comes, "alive")])
                    }
                    try await first.sees([(goes, "left")])
                }
                try await joining.start()
                try await cluster.seeEachOther()
                try await cluster.isWhole(["web": replicas], "round \(round)")
                await joining.stop()
            }
        }
    }
}
