import Glibc
import StellarTestKit
import Synchronization
import Testing

/// Apps on several hosts, while hosts, daemons, containerds and cables fail.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct AppFaultTests {
    /// `kill -9` of any daemon, any containerd or both, while clients create, scale and delete apps at all nodes.
    @Test func theStateIsWhatWasAcknowledgedWhateverIsKilled() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        print("kills from seed \(seed)")
        try await StellarCluster.with(3, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            for node in cluster.nodes { node.flags = [] }
            let before = try await warm(cluster, image)
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
                for client in clients {
                    let replicas = try await client.outcome(round)
                    try await cluster.runs(client.app, replicas, "round \(round)")
                    if replicas > 0 { try await cluster.answer(for: client.app, "round \(round)") }
                }
                _ = try await cluster.addresses(of: names)
                let lists = try await cluster.nodes.asyncMap { try await $0.apps() }
                #expect(Set(lists).count == 1, "\(lists)")
                for app in lists[0].map({ $0[0] }) { try await cluster.nodes[0].sctl("apps", "delete", app) }
                try await cluster.settles(to: before, "round \(round)")
            }
        }
    }

    /// What a first create makes for good on every host: the image.
    private func warm(_ cluster: StellarCluster, _ image: String) async throws -> [String] {
        let node = cluster.nodes[0]
        let app = try node.file("warm.json", serverApp("warm", image, replicas: 2 * cluster.nodes.count))
        try await node.sctl("apps", "create", "-f", app)
        let places = try await cluster.runs("warm", 2 * cluster.nodes.count)
        #expect(Set(places.map(\.node.name)).count == cluster.nodes.count, "\(places.map { ($0.id, $0.node.name) })")
        try await node.sctl("apps", "delete", "warm")
        try await cluster.runs("warm", 0)
        // The links of network namespaces go a moment after them.
        return try await eventually("nothing changes any more") {
            let first = try await cluster.leftovers()
            try await Task.sleep(for: .seconds(1))
            return try await cluster.leftovers() == first ? first : nil
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
        try await victim.answers()
    }

    @Test func eitherOfTwoHostsIsEnough() async throws {
        try await StellarCluster.with(2, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let before = try await warm(cluster, image)
            for (lost, other) in [(0, 1), (1, 0)].map({ (cluster.nodes[$0], cluster.nodes[$1]) }) {
                try await lost.sctl(
                    "apps",
                    "create",
                    "-f",
                    lost.file("a.json", serverApp("spread", image, replicas: 4))
                )
                try await cluster.runs("spread", 4)
                try await lost.unplug()
                lost.kill()
                await lost.containerd?.stop(crash: true)
                try await other.sees([(lost, "dead")])
                // Everything that is asked of the other one is done, or said to wait for the lost one.
                let file = try other.file("b.json", serverApp("alone", image, replicas: 2))
                try await other.sctl("apps", "create", "-f", file)
                #expect(try await other.running().filter { $0.hasPrefix("alone.") }.count == 2)
                try await other.sctl("apps", "scale", "alone", "3")
                try await other.sctl("apps", "restart", "alone")
                #expect(try await other.apps().map { $0[0] } == ["alone", "spread"])
                try await other.sctl("apps", "inspect", "spread")
                try await other.sctl("apps", "delete", "alone")
                try await other.sctl("apps", "delete", "spread")
                #expect(try await other.running().isEmpty)
                #expect(try await other.apps().isEmpty)

                try await lost.containerd?.start()
                lost.flags = []
                try await lost.replug()
                try await lost.start()
                try await cluster.seeEachOther()
                // What it still ran was deleted while it was away.
                try await cluster.runs("spread", 0)
                try await cluster.settles(to: before, "\(lost.name) is back")
            }
        }
    }

    /// No hand, no restart: the same containers, under the same names, reach each other again.
    @Test func aPulledCableLeavesEveryNameAndRouteRight() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let first = cluster.nodes[0]
            try await first.sctl("apps", "create", "-f", first.file("a.json", serverApp("web", image, replicas: 3)))
            try await cluster.runs("web", 3)
            try await cluster.answer(for: "web")
            try await cluster.connected("web")
            let tasks = try await cluster.nodes.asyncMap { try await $0.ctr("tasks", "ls") }
            for seconds in Soak.either([12], long: [10, 20, 30, 180]) {
                try await cluster.nodes[2].unplug()
                try await ContinuousClock().sleep(for: .seconds(seconds))
                try await cluster.nodes[2].replug()
                try await cluster.seeEachOther()
                try await cluster.answer(for: "web", "after \(seconds) s")
                try await cluster.connected("web", "after \(seconds) s")
                #expect(try await cluster.nodes.asyncMap { try await $0.ctr("tasks", "ls") } == tasks)
            }
        }
    }

    @Test func aHostThatWasAwayGetsWhatItMissed() async throws {
        try await StellarCluster.with(2, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let (first, away) = (cluster.nodes[0], cluster.nodes[1])
            let before = try await warm(cluster, image)
            for (name, replicas) in [("grows", 2), ("shrinks", 4), ("goes", 2)] {
                try await first.sctl(
                    "apps",
                    "create",
                    "-f",
                    first.file("\(name).json", serverApp(name, image, replicas: replicas))
                )
                try await cluster.runs(name, replicas)
            }
            away.kill()
            try await first.sees([(away, "dead")])
            try await first.sctl("apps", "scale", "grows", "4")
            try await first.sctl("apps", "scale", "shrinks", "1")
            try await first.sctl("apps", "delete", "goes")
            try await away.start()
            try await cluster.runs("grows", 4)
            try await cluster.runs("shrinks", 1)
            try await cluster.runs("goes", 0)
            for name in ["grows", "shrinks"] { try await cluster.answer(for: name) }
            for name in ["grows", "shrinks"] { try await away.sctl("apps", "delete", name) }
            try await cluster.settles(to: before)
        }
    }
}

/// Someone who works on one app, at any node, and remembers what was acknowledged.
private final class AppClient: Sendable {
    let app: String
    private let image: String
    private let cluster: StellarCluster
    private struct State {
        var random: SplitMix64
        /// The replicas that the app may have now; 0 is no app.
        var possible: Set<Int> = [0]
        var isFinished = false
        var history: [String] = []
    }
    private let state: Mutex<State>

    init(app: String, image: String, cluster: StellarCluster, seed: UInt64) {
        self.app = app
        self.image = image
        self.cluster = cluster
        state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    func finish() { state.withLock { $0.isFinished = true } }

    func work() async throws {
        while !state.withLock({ $0.isFinished }) {
            let (node, replicas, creates, pause) = state.withLock { state in
                (
                    cluster.nodes.randomElement(using: &state.random) ?? cluster.nodes[0],
                    Int.random(in: 0...4, using: &state.random), Bool.random(using: &state.random),
                    Int.random(in: 0..<300, using: &state.random)
                )
            }
            let command: [String]
            if replicas == 0 {
                command = ["apps", "delete", app]
            } else if creates {
                let file = try node.file("\(app).json", serverApp(app, image, replicas: replicas))
                command = ["apps", "create", "-f", file]
            } else {
                command = ["apps", "scale", "\(app).main", "\(replicas)"]
            }
            let result = try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", node.socket] + command)
            state.withLock { state in
                switch result.status {
                // Accepted, also where not all of it runs yet.
                case 0, 9: state.possible = [replicas]
                // Refused, and nothing happened.
                case 2, 4: break
                default: state.possible.insert(replicas)
                }
                let last = result.errors.split(separator: "\n").last ?? ""
                state.history.append(
                    "\(node.name) \(command.dropFirst().joined(separator: " ")): \(result.status) \(last)"
                )
            }
            try await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// The replicas that all nodes have settled to, one of those that the answers allow.
    func outcome(_ round: Int) async throws -> Int {
        let possible = state.withLock { $0.possible }
        do {
            return try await eventually("\(app) is as acknowledged", within: .seconds(300), every: .milliseconds(500)) {
                let count = try await cluster.places(of: app).count
                let isListed = try await cluster.nodes[0].apps().contains { $0[0] == app }
                return possible.contains(count) && isListed == (count > 0) ? count : nil
            }
        } catch {
            let places = try await cluster.places(of: app).map { "\($0.id) on \($0.node.name)" }
            let history = state.withLock { $0.history }
            Issue.record("round \(round), \(app): runs \(places), allowed \(possible.sorted()), after \(history)")
            throw error
        }
    }
}

extension Array {
    fileprivate func asyncMap<Other>(_ transform: (Element) async throws -> Other) async rethrows -> [Other] {
        var others: [Other] = []
        for element in self { others.append(try await transform(element)) }
        return others
    }
}
