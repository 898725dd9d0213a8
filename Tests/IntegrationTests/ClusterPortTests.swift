import StellarTestKit
import Testing

/// A daemon that cannot bind its ports ends before it has made anything.
@Suite(.requires(.root, .netns), .timeLimit(.minutes(10)))
struct ClusterPortTests {
    @Test(arguments: [
        (["--agent-port", "9001"], "ClusterAddress: ", "10.77.0.1:7946", "--bind-port"),
        (["--bind-port", "7947"], "GRPCAddress: ", "10.77.0.1:9000", "--agent-port"),
    ])
    func aTakenPortIsNamedAndNothingIsMade(
        _ flags: [String],
        _ member: String,
        _ address: String,
        _ fix: String
    ) async throws {
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
            let holder = "stellar (process \(node.daemon?.pid ?? 0))"
            for part in ["stellar: \(member)", address, holder, fix] {
                #expect(refused.errors.contains(part), "\(part): \(refused.errors)")
            }
            #expect(try await ChildProcess.check("ip", ["-n", node.namespace, "-brief", "link"]) == before)
            #expect(try await node.run("version").status == 0)
        }
    }

    @Test(arguments: [
        (["--gossip-key", "c2hvcnQ="], ["5 bytes", "16, 24 or 32"]),
        (["--peer", "a b"], ["Peers: ", "\"a b\"", "HOST:PORT"]),
        (["--advertise-addr", "0.0.0.0"], ["AdvertiseAddress: ", "0.0.0.0", "--advertise-addr"]),
        (["--bind-addr", "not-an-address"], ["\"not-an-address\"", "IP address"]),
    ])
    func invalidGossipSettingsAreConfigurationErrors(_ flags: [String], _ parts: [String]) async throws {
        try await StellarCluster.with(1) { cluster in
            let node = cluster.nodes[0]
            let command = node.wrapper + [BuiltProduct.path("stellar")] + node.arguments + flags
            let refused = try await ChildProcess.run(command[0], Array(command.dropFirst()))
            #expect(refused.status == 78)
            for part in parts { #expect(refused.errors.contains(part), "\(part): \(refused.errors)") }
        }
    }
}
