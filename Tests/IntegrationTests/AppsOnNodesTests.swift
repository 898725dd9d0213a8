import FoundationEssentials
import StellarTestKit
import Testing

/// Apps over several nodes: built daemons, each in a network namespace of its own, on one containerd.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox, .redis), .timeLimit(.minutes(30)))
struct AppsOnNodesTests {
    /// Runs the commands of the original's README on its two nodes.
    @Test func theReadmeWorksOnTwoNodes() async throws {
        try await StellarCluster.with(2, containerd: .shared) { cluster in
            try await cluster.pushRedis()
            let (first, second) = (cluster.nodes[0], cluster.nodes[1])
            try await cluster.form()
            try await cluster.haveRoutes()
            let before = try await [first.steadyLeftovers(), second.steadyLeftovers()]
            let root = #filePath.replacing("/Tests/IntegrationTests/AppsOnNodesTests.swift", with: "")
            #expect(try await first.sctl("apps", "create", "-f", "\(root)/Examples/example.conf") == "")

            let list = try await first.sctl("apps", "list").split(separator: "\n")
            #expect(list.first?.hasPrefix("NAME                SERVICES") == true, "\(list)")
            #expect(list.last?.hasPrefix("example             1                   running") == true, "\(list)")
            let inspect = try await first.sctl("apps", "inspect", "example")
            #expect(inspect.hasPrefix("Name: example\n\nServices:\n  Name: example.redis\n"), "\(inspect)")
            let records = try await first.sctl("nameserver", "list")
            #expect(records.contains("example.redis.stellar") && records.contains("nil"), "\(records)")

            // The other node shows the same.
            try await second.shows("example", "running")
            try await eventually("the other node has the names", every: .milliseconds(200)) {
                try await second.sctl("nameserver", "list") == records ? true : nil
            }
            #expect(try await second.sctl("apps", "delete", "example") == "example deleted\n")
            #expect(try await second.sctl("apps", "list").split(separator: "\n").count == 1)
            try await eventually("nothing is left", every: .milliseconds(200)) {
                try await [first.leftovers(), second.leftovers()] == before ? true : nil
            }
        }
    }

    @Test func aRestartedNodeAppliesMissedCommands() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await cluster.form()
            try await cluster.haveRoutes()
            let before = try await third.steadyLeftovers()
            let app = try first.file("app.json", Self.app(image, replicas: 3))
            let plan = try await second.sctl("apps", "create", "-f", app, "--dry-run")
            #expect(plan.split(separator: "\n").count == 4 && plan.contains("create"), "\(plan)")
            #expect(try await second.sctl("apps", "list").split(separator: "\n").count == 1)
            try await first.sctl("apps", "create", "-f", app)
            for node in cluster.nodes {
                #expect(try await node.ctr("tasks", "ls", "-q").split(separator: "\n").count == 1)
                try await node.shows("demo", "running")
            }

            third.kill()
            try await first.sees([(third, "dead")])
            // The state of its replica is unknown, and its name is not resolved any more.
            let list = try await first.sctl("apps", "list")
            #expect(list.contains("2 of 3 running, 1 on \(third.name) (dead)") && list.contains("ago"), "\(list)")
            try await eventually("its name is left out", every: .milliseconds(200)) {
                try await first.sctl("nameserver", "list").split(separator: "\n").count {
                    $0.contains("demo.main.stellar")
                } == 2
                    ? true : nil
            }
            let why = try await second.sctl("why", "demo")
            #expect(why.contains(third.name) && why.contains("dead"), "\(why)")
            // A change runs on the reachable nodes, names the node that it waits for, and succeeds.
            let changed = try first.file("changed.json", Self.app(image, replicas: 3, script: "sleep 2000"))
            let change = try await second.run("apps", "create", "-f", changed)
            #expect(change.status == 0 && change.errors.contains(third.name), "\(change)")
            let scaled = try await first.run("apps", "scale", "demo.main", "4")
            #expect(scaled.status == 0, "\(scaled)")

            try await third.start()
            try await first.shows("demo", "running", services: 4)
            try await third.shows("demo", "running", services: 4)
            let id = try await third.ctr("tasks", "ls", "-q").split(separator: "\n")
            #expect(id.count == 1)
            let process = try await third.exec(String(id[0]), "ps")
            #expect(process.output.contains("sleep 2000"), "\(process)")

            // A delete while the node is dead finishes when it returns.
            third.kill()
            try await second.sees([(third, "dead")])
            let delete = try await second.run("apps", "delete", "demo")
            #expect(delete.status == 0 && delete.output == "demo deleted\n", "\(delete)")
            #expect(delete.errors.contains(third.name), "\(delete)")
            try await third.start()
            try await eventually("nothing is left on it", every: .milliseconds(200)) {
                try await third.leftovers() == before ? true : nil
            }
            for node in cluster.nodes { #expect(try await node.sctl("apps", "list").split(separator: "\n").count == 1) }
            #expect(try await third.sctl("why", "demo").contains("deleted"))
        }
    }

    @Test func simultaneousCreatesOnTwoNodesConverge() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            let files = try cluster.nodes.map { node in
                try node.file("app.json", Self.app(image, replicas: 4, script: "sleep 1000; : \(node.name)"))
            }
            let outcomes = try await withThrowingTaskGroup(of: ChildProcess.Result.self) { group in
                for (node, file) in zip(cluster.nodes, files).prefix(2) {
                    group.addTask { try await node.run("apps", "create", "-f", file) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.contains { $0.status == 0 }, "\(outcomes)")
            // 7: another command came after it.
            #expect(outcomes.allSatisfy { [0, 7].contains($0.status) }, "\(outcomes)")
            try await eventually("each replica runs once, and all in the same form", every: .milliseconds(500)) {
                () -> Bool? in
                var scripts: Set<String> = []
                var ids: [String] = []
                for node in cluster.nodes {
                    for id in try await node.ctr("tasks", "ls", "-q").split(separator: "\n") {
                        ids.append(String(id))
                        let information = try await node.ctr("containers", "info", String(id))
                        for other in cluster.nodes where information.contains("sleep 1000; : \(other.name)") {
                            scripts.insert(other.name)
                        }
                    }
                }
                return scripts.count == 1 && ids.sorted() == (0..<4).map { "demo.main.\($0)" } ? true : nil
            }
            for node in cluster.nodes { try await node.shows("demo", "running", services: 4) }
        }
    }

    /// Gives each command to another node right after the previous one. All datagrams are dropped, so that a node receives the
    /// writes only with an exchange many seconds later.
    @Test func eachNodeBuildsOnThePreviousCommand() async throws {
        try await StellarCluster.with(3, containerd: .shared) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.form()
            try await cluster.haveRoutes()
            let file = try cluster.nodes[0].file("app.json", Self.app(image, replicas: 1))
            for node in cluster.nodes {
                let rule = ["iptables", "-I", "INPUT", "-p", "udp", "--dport", "7946", "-j", "DROP"]
                let done = try await ChildProcess.run("nsenter", ["--net=/run/netns/\(node.namespace)"] + rule)
                try #require(done.status == 0, "\(done)")
            }
            var commands = 0
            for _ in 0..<2 {
                for command in [
                    ["create", "-f", file], ["restart", "demo"], ["scale", "demo", "2"], ["restart", "demo.main.1"],
                    ["delete", "demo.main.0"], ["delete", "demo"],
                ] {
                    let node = cluster.nodes[commands % 3]
                    let line = ["--addr", node.socket, "apps"] + command
                    let done = try await ChildProcess.run(BuiltProduct.path("sctl"), line)
                    #expect(done.status == 0, "command \(commands), on \(node.name): \(command): \(done)")
                    commands += 1
                }
            }
            for node in cluster.nodes { #expect(try await node.running().isEmpty) }
        }
    }

    private static func app(_ image: String, replicas: Int, script: String = "sleep 1000") -> String {
        """
        {"name": "demo", "services": [{"name": "main", "image": "\(image)", "replicas": \(replicas),
          "stop_grace_period": "0s", "process": {"args": ["sh", "-c", "\(script)"]}}]}
        """
    }
}

extension StellarCluster.Node {
    /// The leftovers once they stay the same for a second.
    fileprivate func steadyLeftovers() async throws -> String {
        try await eventually("the leftovers of \(name) stay the same", within: .seconds(180)) {
            let first = try await leftovers()
            try await Task.sleep(for: .seconds(1))
            return try await leftovers() == first ? first : nil
        }
    }

    /// Waits until this node shows the app with this state.
    func shows(_ app: String, _ status: String, services: Int? = nil) async throws {
        let wanted = "\(app) is \(status)"
        try await eventually("\(name) shows that \(wanted)", within: .seconds(180), every: .milliseconds(200)) {
            let lines = try await sctl("apps", "list").split(separator: "\n")
            let cells = lines.first { $0.hasPrefix("\(app) ") }?.split(separator: " ") ?? []
            guard cells.count >= 4, cells[2] == status, cells[3] == "now" else { return nil as Bool? }
            return services.map { "\($0)" == cells[1] } ?? true ? true : nil
        }
    }
}
