import StellarTestKit
import Testing

/// Apps on several hosts during failures of the network between them. The cluster recovers by itself, and all nodes end as the
/// last commands say. `Tests/SimulationTests` has splits of hours in virtual time; here they are short, except in `make soak`.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct AppNetworkFaultTests {
    /// One cluster has all faults, one after the other.
    @Test func splitsOneWayLossAndLooseCablesHealByThemselves() async throws {
        var random = SplitMix64(seed: Soak.seed("loose cables"))
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let before = try await cluster.warm(image)
            for seconds in Soak.either([10], long: [10, 30, 180]) {
                try await split(cluster, image, seconds)
                try await cluster.isUnchanged(since: before, "split for \(seconds) s")
            }
            for (from, to) in Soak.either([(0, 2)], long: [(0, 2), (2, 0)]) {
                try await oneWay(cluster, image, from: cluster.nodes[from], to: cluster.nodes[to])
                try await cluster.isUnchanged(since: before, "lost from \(from) to \(to)")
            }
            try await Soak.rounds(1) { round in
                try await flap(cluster, image, round, using: &random)
                try await cluster.isUnchanged(since: before, "flapping \(round)")
            }
        }
    }

    /// Both sides accept commands from the start of the split: about apps of their own, about one app, and deletes.
    private func split(_ cluster: StellarCluster, _ image: String, _ seconds: Int) async throws {
        let when = "split for \(seconds) s"
        let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
        for (app, replicas) in [("both", 3), ("goes", 3)] { try await first.create(app, image, replicas: replicas) }
        try await cluster.isWhole(["both": 3, "goes": 3], when)
        for name in ["erased", "kept"] { try await first.write(name, "before") }
        try await cluster.agree(on: ["erased": ["before"], "kept": ["before"]], when)
        let end = ContinuousClock.now + .seconds(seconds)
        try await cluster.split([[third]])
        // Both at once, before either side detects the split.
        async let ours: Void = first.create("ours", image, replicas: 3)
        async let theirs: Void = third.create("theirs", image, replicas: 2)
        _ = try await (ours, theirs)
        try await second.sctl("apps", "scale", "both", "4")
        // Of two commands about one app, the later one holds.
        try await third.sctl("apps", "scale", "both", "5")
        try await third.sctl("apps", "delete", "goes")
        try await first.write("one", "of the majority")
        try await third.write("other", "of the other")
        try await second.write("twice", "majority")
        try await third.write("twice", "minority")
        try await third.write("erased", nil)
        try await cluster.agree(on: ["one": ["of the majority"], "other": [nil]], among: [first, second], when)
        if seconds > 60 {
            try await first.sees([(second, "alive"), (third, "dead")])
            try await third.sees([(first, "dead"), (second, "dead")])
            for side in [[first, second], [third]] {
                try await cluster.resolves("both", among: side, when)
                try await cluster.connected("both", among: side, when)
            }
            try await cluster.resolves("ours", among: [first, second], when)
            try await cluster.resolves("theirs", among: [third], when)
        }
        try await ContinuousClock().sleep(until: end)
        try await cluster.heal()
        try await cluster.seeEachOther()
        try await cluster.isWhole(["both": 5, "ours": 3, "theirs": 2, "goes": 0], when)
        let wanted: [String: Set<String?>] = [
            "one": ["of the majority"], "other": ["of the other"], "twice": ["minority"], "erased": [nil],
            "kept": ["before"],
        ]
        try await cluster.agree(on: wanted, when)
        for name in wanted.keys where name != "erased" { try await second.write(name, nil) }
        for app in ["both", "ours", "theirs"] { try await second.sctl("apps", "delete", app) }
    }

    /// Two nodes have no connection, and a third one reaches both: gossip reports all of them as alive.
    private func oneWay(
        _ cluster: StellarCluster,
        _ image: String,
        from: StellarCluster.Node,
        to: StellarCluster.Node
    ) async throws {
        let when = "lost from \(from.name) to \(to.name)"
        try await from.create("both", image, replicas: 3)
        try await cluster.isWhole(["both": 3], when)
        let end = ContinuousClock.now + .seconds(Soak.either(10, long: 180))
        try await cluster.drop(from: from, to: to)
        // An unreachable node gets no replicas, and no command waits for it.
        try await from.create("mine", image, replicas: 3)
        try await to.create("yours", image, replicas: 3)
        try await to.sctl("apps", "scale", "both", "4")
        for node in cluster.nodes { try await node.write("\(node.name)-one-way", "written") }
        try await ContinuousClock().sleep(until: end)
        try await cluster.heal()
        try await cluster.seeEachOther()
        try await cluster.isWhole(["both": 4, "mine": 3, "yours": 3], when)
        var wanted: [String: Set<String?>] = [:]
        for node in cluster.nodes { wanted["\(node.name)-one-way"] = ["written"] }
        try await cluster.agree(on: wanted, when)
        for app in ["both", "mine", "yours"] { try await to.sctl("apps", "delete", app) }
    }

    /// One node loses its link many times, while clients work at all nodes.
    private func flap(
        _ cluster: StellarCluster,
        _ image: String,
        _ round: Int,
        using random: inout SplitMix64
    ) async throws {
        let clients = ["left", "right"].map {
            AppClient(app: $0, image: image, cluster: cluster, seed: random.next())
        }
        let loose = cluster.nodes.randomElement(using: &random) ?? cluster.nodes[0]
        try await withThrowingTaskGroup { group in
            for client in clients { group.addTask { try await client.work() } }
            group.addTask {
                for node in cluster.nodes { try await node.write("\(node.name)-flapping", "\(round)") }
            }
            try await loose.flap(4, upTo: .seconds(2), seed: random.next())
            for client in clients { client.finish() }
            try await group.waitForAll()
        }
        try await cluster.seeEachOther()
        var apps: [String: Int] = [:]
        for client in clients { apps[client.app] = try await client.outcome(round) }
        try await cluster.isWhole(apps, "\(loose.name) flapped, round \(round)")
        var wanted: [String: Set<String?>] = [:]
        for node in cluster.nodes { wanted["\(node.name)-flapping"] = ["\(round)"] }
        try await cluster.agree(on: wanted, "round \(round)")
        for (app, replicas) in apps where replicas > 0 { try await loose.sctl("apps", "delete", app) }
    }

    /// The same containers reach each other again under the same names, without a restart.
    @Test func namesAndRoutesSurviveAPulledCable() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            try await cluster.nodes[0].create("web", image, replicas: 3)
            try await cluster.isWhole(["web": 3], "before")
            let before = try await state(of: cluster)
            for seconds in Soak.either([12], long: [10, 20, 30, 180]) {
                for node in Soak.either([cluster.nodes[2]], long: cluster.nodes) {
                    try await node.unplug()
                    try await ContinuousClock().sleep(for: .seconds(seconds))
                    try await node.replug()
                    try await cluster.seeEachOther()
                    try await cluster.isWhole(["web": 3], "\(node.name) after \(seconds) s")
                    #expect(try await state(of: cluster) == before)
                }
            }
        }
    }

    /// The processes and the routes of all hosts.
    private func state(of cluster: StellarCluster) async throws -> [String] {
        var state: [String] = []
        for node in cluster.nodes {
            state.append(try await node.ctr("tasks", "ls"))
            state.append(try await node.inside("ip", "route", "show", "proto", "83").output)
        }
        return state
    }
}
