import StellarTestKit
import Testing

/// A daemon that does not get its ports ends before it has made anything.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(10)))
struct ClusterPortTests {
    @Test(arguments: [
        (["--agent-port", "9001"], "ClusterAddress: 10.77.0.1:7946 is taken by stellar (process ", "--bind-port"),
        (["--bind-port", "7947"], "GRPCAddress: 10.77.0.1:9000 is taken by stellar (process ", "--agent-port"),
    ])
    func aTakenPortIsNamedAndNothingIsMade(_ flags: [String], _ message: String, _ fix: String) async throws {
        try await StellarCluster.with(1) { cluster in
            let node = cluster.nodes[0]
            try await node.start()
            let before = try await ChildProcess.check("ip", ["-n", node.namespace, "-brief", "link"])
            let other = [
                "--node-name", "other", "--data-dir", "\(node.directory)/other", "--bridge", "otherbridge",
                "--state-dir", "\(node.directory)/other-state", "--namespace", "other",
            ]
            let command = node.wrapper + [BuiltProduct.path("stellar")] + node.arguments + other + flags
            let refused = try await ChildProcess.run(command[0], Array(command.dropFirst()))
            #expect(refused.status == 1)
            #expect(refused.errors.contains("stellar: \(message)"), "\(refused.errors)")
            #expect(refused.errors.contains(fix), "\(refused.errors)")
            #expect(try await ChildProcess.check("ip", ["-n", node.namespace, "-brief", "link"]) == before)
            #expect(try await node.run("version").status == 0)
        }
    }

    @Test(arguments: [
        (["--gossip-key", "c2hvcnQ="], "5 bytes, and a key has 16, 24 or 32"),
        (["--peer", "a b"], "Peers: \"a b\" is not HOST"),
        (["--advertise-addr", "0.0.0.0"], "AdvertiseAddress: nobody reaches this node on 0.0.0.0"),
        (["--bind-addr", "not-an-address"], "is not an IP address"),
    ])
    func whatGossipCannotUseIsAWrongConfiguration(_ flags: [String], _ message: String) async throws {
        try await StellarCluster.with(1) { cluster in
            let node = cluster.nodes[0]
            let command = node.wrapper + [BuiltProduct.path("stellar")] + node.arguments + flags
            let refused = try await ChildProcess.run(command[0], Array(command.dropFirst()))
            #expect(refused.status == 78)
            #expect(refused.errors.contains(message), "\(refused.errors)")
        }
    }
}
