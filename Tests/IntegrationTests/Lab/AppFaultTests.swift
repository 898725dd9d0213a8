import StellarTestKit
import Testing

/// Apps on several hosts during failures of hosts, daemons, containerds and cables.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct AppFaultTests {
    /// `kill -9` of any daemon, any containerd or both, while clients create, scale and delete apps at all nodes.
    @Test func acknowledgedCommandsSurviveEveryKill() async throws {
        var random = SplitMix64(seed: Soak.seed("kills"))
        try await StellarCluster.with(3, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            for node in cluster.nodes { node.flags = [] }
            let before = try await cluster.warm(image)
            let names = ["red", "green", "blue"]
            try await Soak.rounds(2) { round in
                let clients = names.map { AppClient(app: $0, image: image, cluster: cluster, seed: random.next()) }
                try await withThrowingTaskGroup { group in
                    for client in clients { group.addTask { try await client.work() } }
                    for _ in 0..<4 { try await strike(cluster, using: &random) }
                    for client in clients { client.finish() }
                    try await group.waitForAll()
                }
                try await cluster.seeEachOther()
                var apps: [String: Int] = [:]
                for client in clients { apps[client.app] = try await client.outcome(round) }
                try await cluster.isWhole(apps, "round \(round)")
                for (app, replicas) in apps where replicas > 0 {
                    try await cluster.nodes[0].sctl("apps", "delete", app)
                }
                try await cluster.isUnchanged(since: before, "round \(round)")
            }
        }
    }

    private func strike(_ cluster: StellarCluster, using random: inout SplitMix64) async throws {
        let victim = cluster.nodes.randomElement(using: &random) ?? cluster.nodes[0]
        let (daemon, containerd) =
            [(true, false), (false, true), (true, true)].randomElement(using: &random) ?? (true, true)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0..<3000, using: &random)))
        if daemon { victim.kill() }
        if containerd { await victim.containerd?.stop(crash: true) }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0..<2000, using: &random)))
        if daemon { try victim.launch() }
        if containerd { try await victim.containerd?.start() }
        try await victim.responds()
    }

    /// No majority is needed: either of two hosts loses its cable and its power, and the other one runs all commands.
    @Test func eitherOfTwoHostsWorksAlone() async throws {
        try await StellarCluster.with(2, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let before = try await cluster.warm(image)
            for (lost, other) in [(0, 1), (1, 0)].map({ (cluster.nodes[$0], cluster.nodes[$1]) }) {
                try await lost.create("spread", image, replicas: 4)
                try await cluster.runs("spread", 4)
                try await lost.write("of-\(lost.name)", "last words")
                try await cluster.agree(on: ["of-\(lost.name)": ["last words"]])
                try await lost.unplug()
                lost.kill()
                await lost.containerd?.stop(crash: true)
                // Also before the lost node is detected as dead.
                try await other.create("soon", image, replicas: 1)
                try await other.write("alone-\(other.name)", "done")
                try await other.write("of-\(lost.name)", nil)
                try await other.sees([(lost, "dead")])
                try await worksAlone(other, cluster, image)

                try await lost.containerd?.start()
                lost.flags = []
                try await lost.replug()
                try await lost.start()
                try await cluster.seeEachOther()
                // Its apps were deleted while it was dead.
                try await cluster.isWhole(["spread": 0], "\(lost.name) is back")
                try await cluster.agree(on: ["alone-\(other.name)": ["done"], "of-\(lost.name)": [nil]])
                try await cluster.isUnchanged(since: before, "\(lost.name) is back")
            }
        }
    }

    /// The node runs every command, or names the lost node that a part of it waits for.
    private func worksAlone(_ node: StellarCluster.Node, _ cluster: StellarCluster, _ image: String) async throws {
        try await node.create("alone", image, replicas: 2)
        #expect(try await node.running().filter { $0.hasPrefix("alone.") }.count == 2)
        try await node.sctl("apps", "scale", "alone", "3")
        try await node.sctl("apps", "restart", "alone")
        try await cluster.resolves("alone", among: [node], "alone")
        try await cluster.connected("alone", among: [node], "alone")
        // Of an app on both nodes, the names of the live containers are resolved.
        try await cluster.resolves("spread", among: [node], "alone")
        let world = try await node.exec("alone.main.0", "ping", "-c", "1", "-W", "5", "10.77.0.254")
        #expect(world.status == 0, "\(world)")
        #expect(try await node.apps().map { $0[0] } == ["alone", "soon", "spread"])
        for command in ["inspect", "delete"] {
            for app in ["alone", "soon", "spread"] { try await node.sctl("apps", command, app) }
        }
        #expect(try await node.running().isEmpty)
        #expect(try await node.apps().isEmpty)
        for command in [["network", "list"], ["cluster", "status"], ["cluster", "nodes"], ["nameserver", "list"]] {
            try await node.sctl(command[0], command[1])
        }
    }

    @Test func aReturningHostAppliesMissedCommands() async throws {
        try await StellarCluster.with(2, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let (first, returning) = (cluster.nodes[0], cluster.nodes[1])
            let before = try await cluster.warm(image)
            for (name, replicas) in [("grows", 2), ("shrinks", 4), ("deleted", 2)] {
                try await first.create(name, image, replicas: replicas)
                try await cluster.runs(name, replicas)
            }
            returning.kill()
            try await first.sees([(returning, "dead")])
            try await first.sctl("apps", "scale", "grows", "4")
            try await first.sctl("apps", "scale", "shrinks", "1")
            try await first.sctl("apps", "delete", "deleted")
            try await returning.start()
            try await cluster.isWhole(["grows": 4, "shrinks": 1, "deleted": 0], "back")
            for name in ["grows", "shrinks"] { try await returning.sctl("apps", "delete", name) }
            try await cluster.isUnchanged(since: before)
        }
    }
}
