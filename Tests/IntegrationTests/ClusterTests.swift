import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Clusters of built daemons, each in a network namespace of its own.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(20)))
struct ClusterTests {
    /// Two tests that take long, at the same time. `Tests/SimulationTests/MembershipTests` has splits of up to half an hour and
    /// stopped processes in virtual time; here the times are short, except in `make soak`.
    @Test func aSplitHealsByItselfAndAResumedNodeReportsNoFailures() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await split(for: .seconds(Soak.either(20, long: 300))) }
            group.addTask { try await suspend(for: .seconds(Soak.either(5, long: 60))) }
            try await group.waitForAll()
        }
    }

    private func split(for duration: Duration) async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, cut) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await cut.unplug()
            let clock = ContinuousClock()
            let end = clock.now + duration
            try await first.sees([(second, "alive"), (cut, "dead")])
            try await cut.sees([(first, "dead"), (second, "dead")])
            // Commands do not wait for a dead node, and health reports it.
            let health = try await first.run("cluster", "health")
            #expect(health.status == 5, "\(health)")
            #expect(health.errors.contains(cut.name) && health.errors.contains("dead"), "\(health)")
            repeat {
                try await clock.sleep(for: duration / 10)
                // No node is removed from the lists, however long the split lasts.
                let seen = try await first.listed()
                #expect(seen.map(\.node.id) == cluster.nodes.map(\.name) && seen.last?.node.status == "dead")
                #expect(try await cut.listed().map(\.node.status) == ["dead", "dead", "alive"])
            } while clock.now < end
            try await cut.replug()
            try await cluster.seeEachOther()
        }
    }

    /// SIGSTOP is for a process what a suspend of the machine is.
    ///
    /// - Parameter duration: from the moment on at which the others report the node as dead.
    private func suspend(for duration: Duration) async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let sleeper = cluster.nodes[1]
            let before = sleeper.logged().utf8.count
            sleeper.daemon?.signal(SIGSTOP)
            try await cluster.nodes[0].sees([(sleeper, "dead")])
            try await ContinuousClock().sleep(for: duration)
            sleeper.daemon?.signal(SIGCONT)
            try await cluster.seeEachOther()
            let lines = String(decoding: sleeper.logged().utf8.dropFirst(before), as: UTF8.self).split(separator: "\n")
            // It reports no other node as dead, and logs how long it slept.
            #expect(!lines.contains { $0.contains(" warning ") && $0.contains("dead") }, "\(lines)")
            #expect(lines.contains { $0.contains(" notice ") && $0.contains(" seconds=") }, "\(lines)")
        }
    }

    @Test func aCrashIsDetectedAndTheNodeReturnsWithANewAddress() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await third.remembers([first, second])
            third.kill()
            for node in [first, second] {
                let found = try await node.sees([(third, "dead")])
                #expect(found[third.name]?.node.last_seen != nil && found[third.name]?.health == nil)
            }
            let table = try await first.sctl("cluster", "nodes").split(separator: "\n")
            #expect(table[0].hasSuffix("STATUS              LAST SEEN"), "\(table)")
            #expect(
                table.contains { $0.hasPrefix(third.name) && $0.contains("dead") && $0.hasSuffix("ago") },
                "\(table)"
            )
            #expect(try await first.sctl("cluster", "info").contains("Status:\tdead"))
            #expect(first.logs(" warning ", "dead", "stellar.node=\(third.name)"))

            // Without a --peer: it remembers the others.
            try await third.move(to: "10.77.0.33")
            third.flags = []
            try await third.start()
            try await cluster.seeEachOther()
            let back = try await first.listed().first { $0.node.id == third.name }
            #expect(back?.node.address == "10.77.0.33:9000" && back?.node.gossip_address == "10.77.0.33:7946")

            #expect(await second.stop() == 0)
            try await first.sees([(second, "left"), (third, "alive")])
            try await eventually("health does not report a node that left", every: .milliseconds(200)) {
                let health = try await first.run("cluster", "health")
                // It reports that the live nodes have no containerd.
                #expect(health.status == 5 && health.errors.contains("\(first.name): "))
                return health.errors.contains(second.name) ? nil : true
            }
            try await second.start()
            try await cluster.seeEachOther()
        }
    }

    @Test func aNodeLeavesAndIsForgotten() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            let alive = try await first.run("cluster", "forget", third.name)
            #expect(
                alive.status == 7 && alive.errors.contains(third.name) && alive.errors.contains("alive"),
                "\(alive)"
            )
            #expect(try await first.run("cluster", "forget", "nobody").status == 4)

            #expect(try await third.sctl("cluster", "leave") == "left the cluster\n")
            try await first.sees([(third, "left")])
            let alone = try await third.listed()
            #expect(alone.map(\.node.status) == ["left"])
            #expect(try await third.run("version").status == 0)
            // It joins again when it starts again.
            #expect(await third.stop() == 0)
            try await third.start()
            try await cluster.seeEachOther()

            third.kill()
            try await first.sees([(third, "dead")])
            try await second.sees([(third, "dead")])
            #expect(try await first.sctl("cluster", "forget", third.name) == "\(third.name) forgotten by 2 nodes\n")
            #expect(try await first.listed().map(\.node.id) == [first.name, second.name])
            #expect(try await second.listed().map(\.node.id) == [first.name, second.name])
        }
    }

    @Test func roundTripsAreAMatrix() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let names = cluster.nodes.map(\.name)
            let rows = try await eventually("all have pinged all", every: .milliseconds(500)) { () -> [[Substring]]? in
                let lines = try await cluster.nodes[1].sctl("cluster", "rtt").split(separator: "\n")
                let cells = lines.map { $0.split(separator: " ") }
                return cells.dropFirst().allSatisfy { $0.count == 4 } ? cells : nil
            }
            #expect(rows[0] == ["FROM", "\\", "TO"] + names.map { $0[...] })
            for (index, row) in rows.dropFirst().enumerated() {
                #expect(row[0] == names[index] && row[index + 1] == "-", "\(rows)")
                #expect(row.filter { $0.hasSuffix("s") }.count == 2, "\(rows)")
            }
        }
    }

    @Test func aDuplicateNodeNameIsReported() async throws {
        try await StellarCluster.with(3) { cluster in
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            third.flags = ["--node-name", second.name]
            for node in cluster.nodes {
                if node !== first { node.flags += ["--peer", first.address] }
                try await node.start()
            }
            let conflict = try await eventually("the conflict is shown", every: .milliseconds(200)) {
                try await first.listed().first { $0.node.conflict != nil }
            }
            #expect(conflict.node.id == second.name)
            let addresses = [conflict.node.gossip_address, conflict.node.conflict]
            #expect(Set(addresses) == ["\(second.address):7946", "\(third.address):7946"])
            for node in cluster.nodes {
                try await eventually("\(node.address) logs it") {
                    node.logs(" error ", "stellar.node=\(second.name)", " other=") ? true : nil
                }
            }
            let health = try await first.run("cluster", "health")
            #expect(health.status == 5 && health.errors.contains("--node-name"), "\(health)")
        }
    }
}
