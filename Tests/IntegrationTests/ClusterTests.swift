import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// Clusters of built daemons, each in a network namespace of its own.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(20)))
struct ClusterTests {
    /// Two that are long by their nature, at the same time.
    @Test func aSplitOfFiveMinutesHealsByItselfAndWhoSleptForAMinuteBlamesNobody() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await splitForFiveMinutes() }
            group.addTask { try await sleepForAMinute() }
            try await group.waitForAll()
        }
    }

    private func splitForFiveMinutes() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, cut) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await cut.unplug()
            let clock = ContinuousClock()
            let end = clock.now + .seconds(300)
            try await first.sees([(second, "alive"), (cut, "dead")])
            try await cut.sees([(first, "dead"), (second, "dead")])
            // Within reach nothing waits for who is out of it, and health says what is wrong.
            let health = try await first.run("cluster", "health")
            #expect(health.status == 5 && health.errors.contains("\(cut.name) is dead"), "\(health)")
            while clock.now < end {
                try await clock.sleep(for: .seconds(20))
                // No one is forgotten, however long it takes.
                let seen = try await first.listed()
                #expect(seen.map(\.node.id) == cluster.nodes.map(\.name) && seen.last?.node.status == "dead")
                #expect(try await cut.listed().map(\.node.status) == ["dead", "dead", "alive"])
            }
            try await cut.replug()
            try await cluster.seeEachOther()
        }
    }

    /// SIGSTOP is what a suspended machine is to its programs.
    private func sleepForAMinute() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let sleeper = cluster.nodes[1]
            let before = sleeper.logged().utf8.count
            sleeper.daemon?.signal(SIGSTOP)
            try await cluster.nodes[0].sees([(sleeper, "dead")])
            try await ContinuousClock().sleep(for: .seconds(60))
            sleeper.daemon?.signal(SIGCONT)
            try await cluster.seeEachOther()
            let news = String(decoding: sleeper.logged().utf8.dropFirst(before), as: UTF8.self)
            #expect(!news.contains("taken for dead"), "\(news)")
            #expect(news.contains("this node slept"), "\(news)")
        }
    }

    @Test func aCrashIsNoticedAndAReturnWithANewAddressTakenUp() async throws {
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
            #expect(first.logged().contains("taken for dead"))

            // Without a declared peer: it knows the others from before.
            try await third.move(to: "10.77.0.33")
            third.flags = []
            try await third.start()
            try await cluster.seeEachOther()
            let back = try await first.listed().first { $0.node.id == third.name }
            #expect(back?.node.address == "10.77.0.33:9000" && back?.node.gossip_address == "10.77.0.33:7946")

            #expect(await second.stop() == 0)
            try await first.sees([(second, "left"), (third, "alive")])
            try await eventually("who left is no failure", every: .milliseconds(200)) {
                let health = try await first.run("cluster", "health")
                // Of those that are there it says that none has a containerd.
                #expect(health.status == 5 && health.errors.contains("\(first.name): cannot look at the containers"))
                return health.errors.contains(second.name) ? nil : true
            }
            try await second.start()
            try await cluster.seeEachOther()
        }
    }

    @Test func leavingAndForgetting() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            let alive = try await first.run("cluster", "forget", third.name)
            #expect(alive.status == 7 && alive.errors.contains("is alive"), "\(alive)")
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

    @Test func twoLiveNodesWithOneNameAreNamed() async throws {
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
                    node.logged().contains("two live nodes have one name") ? true : nil
                }
            }
            let health = try await first.run("cluster", "health")
            #expect(health.status == 5 && health.errors.contains("--node-name"), "\(health)")
        }
    }
}
