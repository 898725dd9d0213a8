import FoundationEssentials
import StellarTestKit
import Testing

/// Keys, the cluster's name, and peers that cannot be joined, with built daemons.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(20)))
struct GossipKeyTests {
    private static let old = String(repeating: "0b", count: 16)
    private static let new = String(repeating: "1c", count: 32)

    @Test func aKeyChangeCausesNoGapAndSurvivesARestart() async throws {
        try await StellarCluster.with(3) { cluster in
            try await cluster.form(["--gossip-key", Self.old])
            let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            // Each step at another node.
            let added = try await first.agreed("cluster", "keys", "add", Self.new)
            #expect(added.hasSuffix(" added on 3 nodes\n"))
            let fingerprint = String(added.prefix(16))
            let used = try await second.agreed("cluster", "keys", "use", fingerprint)
            #expect(used == "\(fingerprint) in use on 3 nodes\n")
            try await cluster.seeEachOther()
            let early = try await third.run("cluster", "keys", "remove", fingerprint)
            #expect(early.status == 7 && early.errors.contains(fingerprint), "\(early)")
            try await third.sctl("cluster", "keys", "remove", Self.old)
            let list = try await second.sctl("cluster", "keys", "list").split(separator: "\n")
            #expect(list.count == 2, "\(list)")
            #expect(list[1].split(separator: " ") == [fingerprint[...], "AES-256", "3", "of", "3", "3", "of", "3"])

            // A dead node does not get a change; the error names it.
            third.kill()
            try await first.sees([(third, "dead")])
            let partly = try await first.run("cluster", "keys", "add", String(repeating: "2d", count: 24))
            #expect(
                partly.status == 5 && partly.errors.contains(third.name) && partly.errors.contains("dead"),
                "\(partly)"
            )
            // The flag has a removed key; the daemon uses its keyring, and logs a warning.
            try await third.start()
            try await cluster.seeEachOther()
            #expect(third.logs(" warning ", "--gossip-key", "gossip-keys.json"))
            for node in cluster.nodes {
                let log = node.logged()
                #expect(!log.contains(Self.old) && !log.contains(Self.new))
                let keyring = "\(node.directory)/data/gossip-keys.json"
                #expect(try FileManager.default.attributesOfItem(atPath: keyring)[.posixPermissions] as? Int == 0o600)
            }
        }
    }

    @Test func aNodeThatCannotJoinReportsTheReason() async throws {
        try await StellarCluster.with(3) { cluster in
            let (first, wrongKey, wrongName) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
            first.flags = ["--gossip-key", Self.old, "--cluster-name", "east"]
            wrongKey.flags = ["--gossip-key", Self.new, "--cluster-name", "east", "--peer", first.address]
            wrongName.flags = ["--gossip-key", Self.old, "--cluster-name", "west", "--peer", first.address]
            wrongName.flags += ["--peer", "no-such-host.invalid", "--peer", "10.77.0.99:7946"]
            for node in cluster.nodes { try await node.start() }
            for node in [wrongKey, wrongName] {
                try await node.hasPeerError(first.address)
                #expect(try await node.listed().map(\.node.status) == ["alive"])
                let health = try await node.run("cluster", "health")
                #expect(health.status == 5 && health.errors.contains(first.address), "\(health)")
            }
            try await wrongName.hasPeerError("no-such-host.invalid")
            try await wrongName.hasPeerError("10.77.0.99:7946")
            #expect(try await first.listed().count == 1)
            for (node, reason) in [(wrongKey, "key"), (wrongName, "cluster")] {
                #expect(first.logs(" warning ", "stellar.peer=\(node.address):", reason), "\(first.tailOfLog())")
            }

            // With the right key it joins.
            await wrongKey.stop()
            try FileManager.default.removeItem(atPath: "\(wrongKey.directory)/data/gossip-keys.json")
            wrongKey.flags = ["--gossip-key", Self.old, "--cluster-name", "east", "--peer", first.address]
            try await wrongKey.start()
            try await first.sees([(wrongKey, "alive")])
        }
    }
}

extension StellarCluster.Node {
    private struct Peer: Decodable {
        var address: String
        var declared: Bool?
        var status: String?
        var last_error: String?
    }

    /// Runs `sctl` until all nodes have done it: a busy node may miss the limit for its response.
    fileprivate func agreed(_ arguments: String...) async throws -> String {
        try await eventually(arguments.joined(separator: " "), every: .milliseconds(200)) {
            let result = try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", socket] + arguments)
            return result.status == 0 ? result.output : nil
        }
    }

    /// Waits until `cluster peers` shows why a declared peer is not joined.
    fileprivate func hasPeerError(_ address: String) async throws {
        try await eventually("\(name) shows why it cannot join \(address)", every: .milliseconds(200)) { () -> Bool? in
            let text = try await sctl("cluster", "peers", "--output", "json")
            let peers = try JSONDecoder().decode([Peer].self, from: Data(text.utf8))
            let peer = peers.first { $0.address.hasPrefix(address) }
            return peer?.declared == true && peer?.status == "unreachable" && peer?.last_error?.isEmpty == false
                ? true : nil
        }
    }
}
