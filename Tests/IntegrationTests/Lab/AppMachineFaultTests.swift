import StellarTestKit
import Testing

/// Apps on several hosts with wrong clocks, an old disk, a full disk, or a power loss.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(180)))
struct AppMachineFaultTests {
    /// One clock is an hour ahead and one an hour behind, during the whole test.
    @Test func wrongClocksPowerCutsAndAnOldDiskUndoNothing() async throws {
        var random = SplitMix64(seed: Soak.seed("boots"))
        try await StellarCluster.with(3, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            try await cluster.nodes[1].shiftClock(by: .seconds(3600))
            try await cluster.nodes[2].shiftClock(by: .seconds(-3600))
            try await cluster.form()
            let before = try await cluster.warm(image)
            try await Soak.rounds(1) { round in
                try await clocks(cluster, image)
                try await restarts(cluster, image, using: &random)
                try await oldDisk(cluster, image, round)
                try await cluster.isUnchanged(since: before, "round \(round)")
            }
        }
    }

    /// The later command holds, whatever the clock of its node, as long as the nodes are connected.
    private func clocks(_ cluster: StellarCluster, _ image: String) async throws {
        let (right, fast, slow) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
        try await fast.create("web", image, replicas: 3)
        try await cluster.isWhole(["web": 3], "created by the fast clock")
        try await slow.sctl("apps", "scale", "web", "4")
        try await cluster.isWhole(["web": 4], "scaled by the slow clock")
        try await right.sctl("apps", "delete", "web")
        try await cluster.isWhole(["web": 0], "deleted by the right clock")
        try await slow.create("web", image, replicas: 2)
        try await cluster.isWhole(["web": 2], "created by the slow clock")
        // The clocks jump while the daemons run, and jump back.
        for offset in [0, 3600] {
            try await fast.shiftClock(by: .seconds(offset))
            try await slow.shiftClock(by: .seconds(-offset))
            try await fast.sctl("apps", "scale", "web", offset == 0 ? "5" : "3")
            try await cluster.isWhole(["web": offset == 0 ? 5 : 3], "scaled after a jump to \(offset)")
        }
    }

    /// All daemons, then all machines, restart at once in random order, without a --peer.
    private func restarts(_ cluster: StellarCluster, _ image: String, using random: inout SplitMix64) async throws {
        for node in cluster.nodes {
            node.flags = []
            try await node.remembers(cluster.nodes.filter { $0 !== node })
        }
        var tasks: [String] = []
        for node in cluster.nodes { tasks.append(try await node.ctr("tasks", "ls")) }
        for node in cluster.nodes { node.kill() }
        for node in cluster.nodes.shuffled(using: &random) { try node.launch() }
        for node in cluster.nodes { try await node.responds() }
        try await cluster.seeEachOther()
        try await cluster.isWhole(["web": 3], "daemons restarted")
        for (node, before) in zip(cluster.nodes, tasks) { #expect(try await node.ctr("tasks", "ls") == before) }

        let addresses = try await cluster.addresses(of: ["web"])
        for node in cluster.nodes { try await node.losePower() }
        for node in cluster.nodes.shuffled(using: &random) { try await node.boot() }
        for node in cluster.nodes { try await node.responds() }
        try await cluster.seeEachOther()
        try await cluster.isWhole(["web": 3], "machines booted")
        #expect(try await cluster.addresses(of: ["web"]) == addresses)
    }

    /// Commands after the copy of the disk hold, and deleted apps stay deleted.
    private func oldDisk(_ cluster: StellarCluster, _ image: String, _ round: Int) async throws {
        let (first, old) = (cluster.nodes[0], cluster.nodes[2])
        try await first.create("goes", image, replicas: 3)
        try await cluster.isWhole(["web": 3, "goes": 3], "before the copy")
        old.kill()
        let saved = try await old.saveDisk()
        try await old.start()
        try await cluster.seeEachOther()
        try await old.sctl("apps", "delete", "goes")
        try await old.create("late", image, replicas: 3)
        try await old.sctl("apps", "scale", "web", "6")
        try await cluster.isWhole(["web": 6, "late": 3, "goes": 0], "after the copy")
        old.kill()
        try await old.restoreDisk(saved)
        try await old.start()
        try await cluster.seeEachOther()
        try await cluster.isWhole(["web": 6, "late": 3, "goes": 0], "the old disk is back, round \(round)")
        // Its new commands hold.
        try await old.sctl("apps", "scale", "late", "4")
        try await old.sctl("apps", "delete", "web")
        try await cluster.isWhole(["web": 0, "late": 4], "commands of the node with the old disk")
        try await old.sctl("apps", "delete", "late")
    }

    /// The disk of the host is full: data, containers and images are on it.
    @Test func aFullDiskStopsNoContainerAndNoOtherNode() async throws {
        try await StellarCluster.with(3, containerd: .each) { cluster in
            let image = try await cluster.push("busybox", .busybox())
            let (first, full) = (cluster.nodes[0], cluster.nodes[2])
            try await full.onDisk(mebibytes: 64) { disk in
                try await cluster.form()
                let before = try await cluster.warm(image)
                for (app, replicas) in [("web", 3), ("goes", 3)] {
                    try await first.create(app, image, replicas: replicas)
                }
                try await cluster.isWhole(["web": 3, "goes": 3], "before")
                try disk.fill()

                let file = "\(first.directory)/full.json"
                try TemporaryDirectory.write(serverApp("refused", image, replicas: 1).utf8, to: file)
                try await eventually("the full node refuses an app", every: .milliseconds(200)) {
                    let result = try await full.run("apps", "create", "-f", file)
                    if result.status == 0 { try await full.sctl("apps", "delete", "refused") }
                    return result.status != 0 ? true : nil
                }
                // The full node takes no new work; the command does not fail or hang for it.
                let more = try first.file("more.json", serverApp("more", image, replicas: 4))
                let create = try await first.run("apps", "create", "-f", more)
                // 9: not all replicas run yet.
                #expect([0, 9].contains(create.status), "\(create)")
                let delete = try await first.run("apps", "delete", "goes")
                #expect(delete.status == 0 || delete.errors.contains("space"), "\(delete)")
                // A process whose restart is not possible keeps running.
                _ = try await full.run("apps", "restart", "web")
                try await cluster.runs("web", 3, "restarted")
                #expect(try await full.run("cluster", "nodes").status == 0)
                #expect(try await full.run("apps", "list").status == 0)
                try await cluster.runs("web", 3, "full")
                try await cluster.resolves("web", "full")
                try await cluster.connected("web", "full")

                disk.free()
                if try await first.apps().contains(where: { $0[0] == "refused" }) {
                    try await first.sctl("apps", "delete", "refused")
                }
                try await cluster.isWhole(["web": 3, "more": 4, "goes": 0, "refused": 0], "there is room again")
                for app in ["web", "more"] { try await full.sctl("apps", "delete", app) }
                try await cluster.isUnchanged(since: before, "there is room again")
                for node in cluster.nodes { await node.stop() }
                await full.containerd?.stop()
            }
        }
    }
}

extension StellarCluster.Node {
    /// Runs `body` with all files of the node on a small disk. Its daemon must not run.
    fileprivate func onDisk(mebibytes: Int, _ body: (MemoryDisk) async throws -> Void) async throws {
        await containerd?.stop()
        let aside = "\(directory).aside"
        try await ChildProcess.check("cp", ["-a", directory, aside])
        try await MemoryDisk.with(at: directory, kibibytes: 1024 * mebibytes) { disk in
            try await ChildProcess.check("cp", ["-a", "\(aside)/.", directory])
            // Files below `/run` are not on the disk.
            try await MemoryDisk.with(at: stateDirectory, kibibytes: 1024 * mebibytes) { _ in
                try await MemoryDisk.with(at: "\(directory)/containerd/state", kibibytes: 1024 * mebibytes) { _ in
                    try await containerd?.start()
                    try await body(disk)
                }
            }
        }
    }
}
