import FoundationEssentials
import StellarTestKit
import Testing

/// The lab of the fault tests: its hosts and containers, its faults, and its clean-up.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox, .redis), .timeLimit(.minutes(30)))
struct LabTests {
    @Test(arguments: [StellarCluster.Containerd.each, .shared])
    func everyHostRunsContainersOfItsOwn(_ containerd: StellarCluster.Containerd) async throws {
        try await StellarCluster.with(2, containerd: containerd) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            for node in cluster.nodes { try await node.start() }
            for node in cluster.nodes {
                let before = try await node.leftovers()
                let app = try node.file("app.json", shellApp(node.name, image, "sleep 1000"))
                try await node.sctl("apps", "create", "-f", app)
                let list = try await node.ctr("tasks", "ls", "-q")
                #expect(list == "\(node.name).main.0\n")
                let address = try await node.exec("\(node.name).main.0", "ip", "-4", "address", "show", "dev", "eth0")
                #expect(address.status == 0 && address.output.contains("inet 172."), "\(address)")
                try await node.sctl("apps", "delete", node.name)
                try await eventually("nothing is left") { try await node.leftovers() == before ? true : nil }
            }
        }
    }

    @Test func linksAreCutAndMended() async throws {
        try await StellarCluster.with(3) { cluster in
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            // The neighbour entries stay valid: a cut stops packets only.
            func reaches(_ from: StellarCluster.Node, _ to: StellarCluster.Node) async throws -> Bool {
                try await from.inside("busybox", "ping", "-c", "1", "-W", "2", to.address).status == 0
            }
            func expect(_ wanted: Bool, _ from: StellarCluster.Node, _ to: StellarCluster.Node) async throws {
                try await eventually("\(from.name) to \(to.name): \(wanted)") {
                    try await reaches(from, to) == wanted ? true : nil
                }
            }
            try await expect(true, first, second)
            try await cluster.split([[first, second], [third]])
            try await expect(true, first, second)
            try await expect(false, first, third)
            try await cluster.heal()
            try await expect(true, first, third)
            // A ping needs both directions, so it fails in both.
            try await cluster.drop(from: first, to: second)
            try await expect(false, first, second)
            try await expect(true, second, third)
            let lost = try await ChildProcess.check(
                "nsenter",
                ["--net=/run/netns/\(cluster.hub)", "nft", "list", "table", "bridge", "lost"]
            )
            #expect(lost.contains("iifname \"\(first.port)\" oifname \"\(second.port)\" drop"), "\(lost)")
            try await cluster.heal()
            try await expect(true, first, second)
            try await third.unplug()
            try await expect(false, third, first)
            try await cluster.heal()
            try await expect(true, third, first)
        }
    }

    @Test func eachHostHasAClockOfItsOwn() async throws {
        try await StellarCluster.with(2) { cluster in
            for node in cluster.nodes { try await node.shiftClock(by: .zero) }
            func time(_ node: StellarCluster.Node) async throws -> Int {
                let command = node.command.prefix { !$0.hasSuffix("/stellar") } + ["date", "+%s"]
                let text = try await ChildProcess.check(command[0], Array(command.dropFirst()))
                return try #require(Int(text.split(separator: "\n")[0]))
            }
            try await cluster.nodes[1].shiftClock(by: .seconds(-7200))
            let (right, slow) = (try await time(cluster.nodes[0]), try await time(cluster.nodes[1]))
            #expect((3600...7200).contains(right - slow), "\(right) \(slow)")
            // The daemon's log begins with the time, `2026-11-23T02:19:35Z`.
            for node in cluster.nodes { try await node.start() }
            let hours = cluster.nodes.map { $0.logged().prefix(13) }
            #expect(hours[0].count == 13 && hours[0] != hours[1], "\(hours)")
        }
    }

    /// Also behind flags of the server, which are passed through.
    @Test(arguments: [[], ["--nodes", "2"], ["--overlay", "vxlan"]])
    func theHelpStartsNothing(_ flags: [String]) async throws {
        let directory = try TemporaryDirectory.make()
        TemporaryDirectory.remove(directory)
        let command = ["up", "--directory", directory] + flags + ["--help"]
        let printed = try await ChildProcess.check(BuiltProduct.path("stellar-lab"), command)
        #expect(printed.contains("USAGE: stellar-lab up"), "\(printed)")
        #expect(!FileManager.default.fileExists(atPath: directory))
    }

    /// `make lab` and `make lab-clean`, without the build; also after a daemon was killed.
    @Test func aLabStaysUpUntilItIsRemoved() async throws {
        let directory = try TemporaryDirectory.make()
        TemporaryDirectory.remove(directory)
        let names = ["--directory", directory, "--prefix", "lab\(directory.suffix(6))"]
        let lab = BuiltProduct.path("stellar-lab")
        do {
            #expect(try await ChildProcess.check(lab, ["clean"] + names) == "lab: nothing to remove\n")
            let up = ["up", "--nodes", "2", "--containerd", "shared"] + names
            let printed = try await ChildProcess.check(lab, up)
            for index in 0..<2 {
                let address = "unix://\(directory)/\(index)/state/stellar.sock"
                #expect(printed.contains("sctl --addr \(address) cluster nodes"), "\(printed)")
                let sctl = BuiltProduct.path("sctl")
                try await eventually("both are alive", every: .milliseconds(200)) {
                    let nodes = try await ChildProcess.check(sctl, ["--addr", address, "cluster", "nodes"])
                    return nodes.split(separator: "\n").count { $0.contains(" alive ") } == 2 ? true : nil
                }
                let root = #filePath.replacing("/Tests/IntegrationTests/Lab/LabTests.swift", with: "")
                if index == 0 {
                    let example = "\(root)/Examples/example.conf"
                    try await ChildProcess.check(sctl, ["--addr", address, "apps", "create", "-f", example])
                }
            }
            // The printed commands work.
            let pid = try #require(Int32(try await ChildProcess.check("cat", ["\(directory)/1/pid"]).dropLast()))
            try await ChildProcess.check("kill", ["-KILL", "\(pid)"])
            try await ChildProcess.check("\(directory)/1/start", [])
            try await eventually("the restarted daemon responds", every: .milliseconds(200)) {
                let address = "unix://\(directory)/1/state/stellar.sock"
                return try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", address, "version"]).status == 0
                    ? true : nil
            }
            #expect(try await ChildProcess.check(lab, ["clean"] + names) == "lab: removed\n")
        } catch {
            _ = try? await ChildProcess.run(lab, ["clean"] + names)
            throw error
        }
        #expect(!FileManager.default.fileExists(atPath: directory))
        #expect(!(try await ChildProcess.check("ip", ["netns", "list"]).contains(names[3])))
        #expect(!(try await ChildProcess.check("cat", ["/proc/self/mountinfo"]).contains(directory)))
        let left = try await ChildProcess.run("pgrep", ["-f", directory])
        #expect(left.output == "", "\(left)")
    }
}
