import Glibc
import StellarTestKit
import Testing

/// Acknowledged writes stay, and reach all nodes, during faults of real daemons. Splits and loose cables are in
/// ``AppNetworkFaultTests``; `Tests/SimulationTests` has many more schedules.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(180)))
struct StoreFaultTests {
    /// One clock is an hour ahead, one an hour behind. A write of a node that has seen another write wins over it.
    @Test func laterWritesWinDespiteWrongClocks() async throws {
        try await StellarCluster.with(3) { cluster in
            let (right, fast, slow) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await fast.shiftClock(by: .seconds(3600))
            try await slow.shiftClock(by: .seconds(-3600))
            try await cluster.form()
            for (number, node) in [fast, slow, right, slow, fast, slow].enumerated() {
                try await node.write("key", "\(number)")
                try await cluster.agree(on: ["key": ["\(number)"]])
            }
            // The clocks jump while the daemons run, and before a restart.
            try await fast.shiftClock(by: .seconds(-3600))
            try await slow.shiftClock(by: .seconds(3600))
            try await fast.write("key", "jumped")
            try await fast.write("key", "jumped twice")
            try await cluster.agree(on: ["key": ["jumped twice"]])
            try await slow.write("key", nil)
            try await cluster.agree(on: ["key": [nil]])
            fast.kill()
            try await fast.start()
            try await fast.write("key", "again")
            try await cluster.agree(on: ["key": ["again"]])
        }
    }

    @Test func aNodeWithAnOldDiskCatchesUpAndItsWritesSpread() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            let (first, old) = (cluster.nodes[0], cluster.nodes[2])
            try await old.write("before", "the copy")
            try await first.write("erased", "later")
            try await cluster.agree(on: ["before": ["the copy"], "erased": ["later"]])
            await old.stop()
            let saved = try await old.saveDisk()
            try await old.start()
            for number in 0..<20 { try await old.write("lost-\(number)", "by the disk") }
            try await old.write("before", "after the copy")
            try await old.write("erased", nil)
            var wanted: [String: Set<String?>] = ["before": ["after the copy"], "erased": [nil]]
            for number in 0..<20 { wanted["lost-\(number)"] = ["by the disk"] }
            try await cluster.agree(on: wanted)

            old.kill()
            try await old.restoreDisk(saved)
            try await old.start()
            // It gets its lost writes from the others.
            try await cluster.agree(on: wanted)
            // The others take its new writes, whose stamps may be older than the lost ones.
            for number in 0..<20 {
                try await old.write("new-\(number)", "after the return")
                wanted["new-\(number)"] = ["after the return"]
            }
            try await cluster.agree(on: wanted)
        }
    }

    /// A node loses its disk and starts with an empty one, under its old name.
    @Test func aNewMachineReplacesALostOneUnderItsName() async throws {
        try await StellarCluster.with(2) { cluster in
            try await cluster.form()
            let (first, replaced) = (cluster.nodes[0], cluster.nodes[1])
            var wanted: [String: Set<String?>] = [:]
            for number in 0..<5 {
                try await replaced.write("old-\(number)", "by the first")
                wanted["old-\(number)"] = ["by the first"]
            }
            try await cluster.agree(on: wanted)
            replaced.kill()
            TemporaryDirectory.remove(replaced.dataDirectory)
            try await first.write("old-0", "meanwhile")
            wanted["old-0"] = ["meanwhile"]
            try await replaced.start()
            try await cluster.agree(on: wanted)
            for number in 1..<5 {
                try await replaced.write("old-\(number)", "by the second")
                wanted["old-\(number)"] = ["by the second"]
            }
            try await cluster.agree(on: wanted)
            try await cluster.seeEachOther()
        }
    }

    @Test func aFullDiskAffectsOnlyItsNode() async throws {
        try await StellarCluster.with(3) { cluster in
            let (first, second, full) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            try await MemoryDisk.with(at: full.dataDirectory, kibibytes: 4096) { disk in
                try await cluster.form()
                try await full.write("early", "there")
                try await cluster.agree(on: ["early": ["there"]])
                try disk.fill()
                // More than fits into the free pages of the SQLite file.
                var wanted: [String: Set<String?>] = ["early": ["there"]]
                for number in 0..<40 {
                    try await first.write("meanwhile-\(number)", "\(number)")
                    wanted["meanwhile-\(number)"] = ["\(number)"]
                }
                try await cluster.agree(on: wanted, among: [first, second])
                try await eventually("the full node refuses a write", every: .milliseconds(200)) {
                    try await full.tryToWrite("refused", "perhaps") ? nil : true
                }
                #expect(try await full.run("cluster", "nodes").status == 0)
                #expect(try await full.run("nameserver", "list").status == 0)
                disk.free()
                try await eventually("it writes again", every: .milliseconds(200)) {
                    try await full.tryToWrite("freed", "yes") ? true : nil
                }
                wanted["freed"] = ["yes"]
                try await cluster.agree(on: wanted)
                for node in cluster.nodes { await node.stop() }
            }
        }
    }

    /// `kill -9` of any daemon at any moment, while clients write to all nodes.
    @Test func acknowledgedWritesSurviveEveryKill() async throws {
        var random = SplitMix64(seed: Soak.seed("kills"))
        try await StellarCluster.with(3) { cluster in
            try await cluster.form()
            for node in cluster.nodes { node.flags = [] }
            var wanted: [String: Set<String?>] = [:]
            try await Soak.rounds(5) { round in
                let instant = Duration.milliseconds(Int.random(in: 0..<400, using: &random))
                let victim = cluster.nodes.randomElement(using: &random) ?? cluster.nodes[0]
                async let death: Void = {
                    try await Task.sleep(for: instant)
                    victim.kill()
                }()
                // Each name belongs to one node: all nodes must have the last value that it acknowledged.
                for number in 0..<6 {
                    for node in cluster.nodes {
                        let name = "\(node.name)-\(number)"
                        let value = round.isMultiple(of: 3) ? nil : "round-\(round)"
                        let done = try await node.tryToWrite(name, value)
                        // A write without an acknowledgement may have happened.
                        wanted[name] = done ? [value] : (wanted[name] ?? [nil]).union([value])
                    }
                }
                try await death
                try await victim.start()
                try await cluster.agree(on: wanted, "round \(round), \(victim.name) killed after \(instant)")
            }
        }
    }
}
