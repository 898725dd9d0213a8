import FoundationEssentials
import StellarAPI
import StellarGossip
import StellarRPC
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import StellarDaemon

@Suite(.timeLimit(.minutes(5)))
struct ClusterServiceTests {
    @Test func everyStateIsShownAndOnlyReachableNodesAreCalled() async throws {
        try await withHangingNode { hanging in
            let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
            let others = [
                // A call to it would hang.
                try FakeClusterNode.member("dead", api: hanging, state: .dead, lastSeen: .seconds(300)),
                try FakeClusterNode.member("left", api: hanging, state: .left, lastSeen: .seconds(30)),
                try FakeClusterNode.member("gone", api: nowhere),
                try FakeClusterNode.member("sick", api: nowhere, state: .suspect, lastSeen: .seconds(2)),
                try FakeClusterNode.member("serf", api: ""),
            ]
            try await FakeClusterNode.with(["a", "b"], others: others) { nodes in
                let a = try #require(nodes["a"])
                let found = try await a.client.cluster.health()
                #expect(found.map(\.node.id) == ["a", "b", "dead", "gone", "left", "serf", "sick"])
                #expect(
                    found.map(\.node.status) == ["alive", "alive", "dead", "unreachable", "left", "alive", "suspect"]
                )
                #expect(found.map(\.hasHealth) == [true, true, false, false, false, false, false])
                #expect(found[1].health.startedAt.seconds == 1000)
                #expect(found[0].node.labels == ["name": "a"] && found[1].node.labels == ["zone": "a"])
                #expect(found[3].node.reason.contains(nowhere), "\(found[3].node.reason)")
                let now = WallClock.now()
                #expect(abs(now - 300 - found[2].node.lastSeen.seconds) < 100)
                #expect(found[1].health.peers.map(\.id) == ["a", "gone", "serf"])
                let brief = try await a.client.cluster.health(.problems)
                #expect(brief.map(\.hasHealth) == found.map(\.hasHealth))
                #expect(brief.prefix(2).map(\.health.problems) == [["a is not well"], ["b is not well"]])
                #expect(brief[1].health.cpus == found[1].health.cpus && brief.allSatisfy(\.health.peers.isEmpty))
                let host = try await a.client.cluster.health(.host)
                #expect(host.map(\.hasHealth) == found.map(\.hasHealth) && host[1].health.cpus == found[1].health.cpus)
                #expect(host.allSatisfy { $0.health.problems.isEmpty && $0.health.peers.isEmpty })
                // The order and fields of the original's clients.
                let listed = try await a.client.cluster.nodes()
                #expect(listed.map(\.id) == ["a", "b", "dead", "gone", "left", "serf", "sick"])
                #expect(listed[1].address == nodes["b"]?.address)
            }
        }
    }

    /// The caller must not wait for a node that never responds: the test waits two minutes, the node sleeps for an
    /// hour.
    @Test func aHangingNodeIsReportedAsUnreachable() async throws {
        try await withHangingNode { hanging in
            let others = try (0..<20).map { try FakeClusterNode.member("hangs\($0)", api: hanging) }
            try await FakeClusterNode.with(["a", "b"], others: others, limit: .seconds(1)) { nodes in
                // On a busy machine the limit may hit a node that does respond, but not for ever.
                let found = try await eventually("b has answered in time") { () -> [ClusterNodeHealth]? in
                    let found = try await nodes["a"]?.client.cluster.health() ?? []
                    return found.filter(\.hasHealth).map(\.node.id) == ["a", "b"] ? found : nil
                }
                let stuck = found.filter { $0.node.id.hasPrefix("hangs") }
                #expect(stuck.count == 20)
                #expect(stuck.allSatisfy { $0.node.status == "unreachable" && !$0.hasHealth })
                #expect(stuck.first?.node.reason == "no answer of \(hanging) within 1s")
            }
        }
    }

    @Test func aDuplicateNameIsReported() async throws {
        let twin = try FakeClusterNode.member("twin", api: "", conflict: "10.0.0.9:7946")
        try await FakeClusterNode.with(["a"], others: [twin]) { nodes in
            let listed = try await nodes["a"]?.client.cluster.nodes() ?? []
            #expect(listed.map(\.conflict) == ["", "10.0.0.9:7946"])
        }
    }

    @Test func addressesFromTheNetworkMustBeHostAndPort() throws {
        var peer = ElementPeer()
        for address in ["unix:///run/stellar/stellar.sock", "/etc/passwd", "host", "", "a:0", "tcp://a:1"] {
            peer.address = address
            #expect(NodeAnnouncement(metadata: try peer.serializedBytes()).address == "", "\(address)")
        }
    }

    /// After a restart, the node that takes the command may not know the node to forget.
    @Test func forgetReachesNodesThatKnowANodeThatThisOneDoesNot() async throws {
        let dead = try FakeClusterNode.member("dead", api: "127.0.0.1:1", state: .dead)
        try await FakeClusterNode.with(["a", "b"], others: [dead]) { nodes in
            try await nodes["a"]?.gossip.forget("dead")
            let outcomes = try await nodes["a"]?.client.cluster.forget("dead")
            #expect(outcomes?.map(\.node) == ["a", "b"] && outcomes?.allSatisfy(\.error.isEmpty) == true)
            #expect(nodes["b"]?.gossip.done == ["forget dead"])
        }
    }

    @Test func forgetReachesAllNodesAndNamesTheUnreachable() async throws {
        let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
        let others = [
            try FakeClusterNode.member("dead", api: nowhere, state: .dead),
            try FakeClusterNode.member("away", api: nowhere, state: .dead),
            try FakeClusterNode.member("gone", api: nowhere),
        ]
        try await FakeClusterNode.with(["a", "b"], others: others) { nodes in
            let a = try #require(nodes["a"])
            let outcomes = try await a.client.cluster.forget("dead")
            #expect(outcomes.filter(\.error.isEmpty).map(\.node) == ["a", "b"])
            #expect(Set(outcomes.filter { !$0.error.isEmpty }.map(\.node)) == ["away", "gone"])
            #expect(nodes.values.allSatisfy { $0.gossip.done == ["forget dead"] })
            for (name, code) in [("a", RPCCode.failedPrecondition), ("gone", .failedPrecondition), ("none", .notFound)]
            {
                let error = await #expect(throws: RPCError.self) { try await a.client.cluster.forget(name) }
                #expect(error?.code == code, "\(name): \(error)")
            }
        }
    }

    @Test func nodesWithoutAContainerListAreNamed() async throws {
        let others = [try FakeClusterNode.member("dead", api: "", state: .dead)]
        try await FakeClusterNode.with(["a", "b", "c"], containers: ["b": ["x.y.0"], "c": []], others: others) {
            nodes in
            // The called node is one of those that cannot list them: it has no containerd.
            let found = try #require(try await nodes["a"]?.client.cluster.containers())
            #expect(found.containers.map(\.container.id) == ["x.y.0"] && found.containers.map(\.node.id) == ["b"])
            #expect(found.missing.map(\.id) == ["dead", "a"])
            #expect(found.missing.map(\.status) == ["dead", "alive"])
            #expect(found.missing[1].reason.contains("containerd"), "\(found.missing[1].reason)")
        }
        try await FakeClusterNode.with(["a"], others: others) { nodes in
            let error = await #expect(throws: RPCError.self) { try await nodes["a"]?.client.cluster.containers() }
            #expect(error?.code == .unavailable)
        }
    }

    @Test func leaveAffectsTheCalledNode() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            try await nodes["b"]?.client.cluster.leave()
            #expect(nodes["b"]?.gossip.done == ["leave"] && nodes["a"]?.gossip.done == [])
        }
    }

    @Test func peersAreListedWithErrorsAndTimes() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let a = try #require(nodes["a"])
            a.gossip.set(peers: [
                JoinAddress(
                    address: "ctr-09:7946",
                    isDeclared: true,
                    failures: 3,
                    lastError: "no such host",
                    lastTry: .seconds(5),
                    nextTry: .seconds(20)
                ),
                JoinAddress(address: "10.0.0.1:7946", node: "b", isReached: true),
            ])
            let peers = try await a.client.cluster.peers()
            #expect(peers.map(\.status) == ["unreachable", "alive"])
            #expect(peers[0].lastError == "no such host" && peers[0].failures == 3 && peers[0].declared)
            #expect(peers[0].nextTry.seconds - peers[0].lastTry.seconds == 25)
            #expect(!peers[1].hasNextTry && !peers[1].declared && peers[1].node == "b")
        }
    }

    @Test func roundTripsHaveARowPerNodeEvenIfItDoesNotRespond() async throws {
        let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
        let others = [try FakeClusterNode.member("gone", api: nowhere)]
        try await FakeClusterNode.with(["a", "b"], others: others) { nodes in
            nodes["a"]?.gossip.set(roundTrips: ["b": .microseconds(250)])
            nodes["b"]?.gossip.set(roundTrips: ["a": .milliseconds(1500)])
            let rows = try await nodes["a"]?.client.cluster.roundTrips() ?? []
            #expect(rows.map(\.node) == ["a", "b", "gone"])
            #expect(rows[0].roundTrips.map(\.roundTrip.nanos) == [250_000])
            #expect(rows[1].roundTrips.first?.roundTrip.seconds == 1)
            #expect(rows[1].roundTrips.first?.roundTrip.nanos == 500_000_000)
            #expect(rows[2].error.contains(nowhere))
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ClusterKeysTests {
    private static func key(_ byte: UInt8, _ size: Int = 32) -> GossipKey {
        GossipKey([UInt8](repeating: byte, count: size)) ?? { fatalError("size") }()
    }
    private static let old = key(1, 16)
    private static let new = key(2)

    private static func request(
        _ change: ClusterChangeKeysRequest.Change,
        _ key: GossipKey,
        byFingerprint: Bool = false
    ) -> ClusterChangeKeysRequest {
        .with {
            $0.change = change
            if byFingerprint { $0.fingerprint = key.fingerprint } else { $0.key = Data(key.bytes) }
        }
    }

    @Test func aRotationReachesAllNodesAndTheirFiles() async throws {
        let rings = ["a": Keyring(Self.old), "b": Keyring(Self.old)]
        try await FakeClusterNode.with(["a", "b"], keys: rings) { nodes in
            let a = try #require(nodes["a"])
            let added = try await a.client.cluster.changeKeys(Self.request(.add, Self.new))
            #expect(added.fingerprint == Self.new.fingerprint)
            #expect(added.nodes.map(\.node) == ["a", "b"] && added.nodes.allSatisfy(\.error.isEmpty))
            _ = try await nodes["b"]?.client.cluster.changeKeys(Self.request(.use, Self.new, byFingerprint: true))
            let between = try await a.client.cluster.keys()
            #expect(between.keys.map(\.fingerprint) == [Self.new.fingerprint, Self.old.fingerprint])
            #expect(between.keys.map(\.size) == [32, 16])
            #expect(between.keys.map(\.nodes) == [["a", "b"], ["a", "b"]])
            #expect(between.keys.map(\.primaryOn) == [["a", "b"], []])
            _ = try await a.client.cluster.changeKeys(Self.request(.remove, Self.old))
            #expect(try await a.client.cluster.keys().keys.map(\.fingerprint) == [Self.new.fingerprint])
            for node in nodes.values {
                #expect(
                    node.gossip.done == [
                        "add \(Self.new.fingerprint)", "use \(Self.new.fingerprint)", "remove \(Self.old.fingerprint)",
                    ]
                )
                #expect(try KeyringFile(path: node.keyringPath).load()?.keys == [Self.new])
            }
        }
    }

    @Test func nodesWithoutAChangeAreNamed() async throws {
        let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
        let others = [
            try FakeClusterNode.member("gone", api: nowhere),
            try FakeClusterNode.member("dead", api: nowhere, state: .dead),
            try FakeClusterNode.member("left", api: nowhere, state: .left),
        ]
        try await FakeClusterNode.with(["a"], keys: ["a": Keyring(Self.old)], others: others) { nodes in
            let response = try #require(try await nodes["a"]?.client.cluster.changeKeys(Self.request(.add, Self.new)))
            #expect(response.nodes.map(\.node) == ["a", "gone", "dead"])
            #expect(response.nodes[1].error.contains(nowhere))
            #expect(response.nodes[2].error == "it is dead and was not asked")
        }
    }

    @Test func noStepCutsANodeOff() async throws {
        let rings = ["a": try Keyring([Self.old, Self.new]), "b": Keyring(Self.old)]
        try await FakeClusterNode.with(["a", "b"], keys: rings) { nodes in
            let a = try #require(nodes["a"])
            for (request, code, text) in [
                (Self.request(.use, Self.new), RPCCode.failedPrecondition, "b could not read"),
                (Self.request(.remove, Self.old), .failedPrecondition, "in use on a, b"),
                (Self.request(.use, Self.key(9)), .notFound, "no node has the key"),
                (.with { $0.change = .add }, .invalidArgument, "key is empty"),
                (
                    .with {
                        $0.key = Data([1, 2, 3]); $0.change = .add
                    }, .invalidArgument, "3 bytes"
                ),
                (.init(), .invalidArgument, "add, use or remove"),
            ] {
                let error = await #expect(throws: RPCError.self) { try await a.client.cluster.changeKeys(request) }
                #expect(error?.code == code && error?.message.contains(text) == true, "\(error)")
            }
            #expect(nodes.values.allSatisfy { $0.gossip.done.isEmpty })
        }
    }

    @Test func aClusterWithoutEncryptionNamesTheFirstStep() async throws {
        try await FakeClusterNode.with(["a", "b"], keys: ["b": Keyring(Self.old)]) { nodes in
            let error = await #expect(throws: RPCError.self) {
                try await nodes["b"]?.client.cluster.changeKeys(Self.request(.add, Self.new))
            }
            #expect(error?.message.contains("not encrypted on a") == true, "\(error)")
            #expect(error?.message.contains("--gossip-key") == true)
        }
    }

    @Test func aKeyringHasALimit() async throws {
        try await FakeClusterNode.with(["a"], keys: ["a": Keyring(Self.old)]) { nodes in
            let a = try #require(nodes["a"])
            for number in 2...KeyringKeeper.maximumKeys {
                _ = try await a.client.cluster.changeKeys(Self.request(.add, Self.key(UInt8(number))))
            }
            let error = await #expect(throws: RPCError.self) {
                try await a.client.cluster.changeKeys(Self.request(.add, Self.key(200)))
            }
            #expect(error?.code == .resourceExhausted)
        }
    }
}
