import FoundationEssentials
import StellarAPI
import StellarGossip
import StellarRPC
import StellarStore
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import StellarDaemon

/// `io.stellar.peer.v1.Node`, as another daemon calls it: each method does the share of the called node alone.
@Suite(.timeLimit(.minutes(5)))
struct PeerNodeServiceTests {
    private static func key(_ byte: UInt8) throws -> GossipKey {
        try #require(GossipKey([UInt8](repeating: byte, count: 32)))
    }

    private func code(_ call: () async throws -> Void) async -> RPCCode? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? RPCError)?.code
        }
    }

    @Test func healthHasTheRequestedDetail() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let peer = try #require(nodes["a"]?.client.peerNode)
            let all = try await peer.health(.all)
            #expect(all.problems == ["a is not well"] && all.peers.map(\.id) == ["b"])
            let problems = try await peer.health(.problems)
            #expect(problems.problems == ["a is not well"] && problems.peers.isEmpty)
            let host = try await peer.health(.host)
            #expect(host.problems.isEmpty && host.peers.isEmpty)
            #expect(host.startedAt.seconds == 1000 && host.cpus == all.cpus && host.memoryTotal == all.memoryTotal)
        }
    }

    @Test func containersAndImagesFailWithoutContainerd() async throws {
        try await FakeClusterNode.with(["a", "b"], containers: ["b": ["x.y.0"]]) { nodes in
            let (a, b) = (try #require(nodes["a"]?.client.peerNode), try #require(nodes["b"]?.client.peerNode))
            #expect(await code { _ = try await a.containers(filters: []) } == .unavailable)
            #expect(await code { _ = try await a.images() } == .unavailable)
            #expect(try await b.containers(filters: []).map(\.id) == ["x.y.0"])
        }
    }

    @Test func forgetChangesTheCalledNodeAlone() async throws {
        let dead = try FakeClusterNode.member("dead", api: "", state: .dead)
        try await FakeClusterNode.with(["a", "b"], others: [dead]) { nodes in
            let peer = try #require(nodes["b"]?.client.peerNode)
            try await peer.forget("dead")
            #expect(nodes["b"]?.gossip.done == ["forget dead"] && nodes["a"]?.gossip.done == [])
            #expect(await code { try await peer.forget("dead") } == .notFound)
            #expect(await code { try await peer.forget("a") } == .failedPrecondition)
            #expect(await code { try await peer.forget("b") } == .failedPrecondition)
        }
    }

    @Test func keysChangeOnTheCalledNodeAlone() async throws {
        let (old, new) = (try Self.key(1), try Self.key(2))
        try await FakeClusterNode.with(["a", "b"], keys: ["a": Keyring(old), "b": Keyring(old)]) { nodes in
            let (a, b) = (try #require(nodes["a"]?.client.peerNode), try #require(nodes["b"]?.client.peerNode))
            try await b.changeKeys(
                .with {
                    $0.change = .add
                    $0.key = Data(new.bytes)
                }
            )
            try await b.changeKeys(
                .with {
                    $0.change = .use
                    $0.fingerprint = new.fingerprint
                }
            )
            #expect(try await b.keys().map(\.fingerprint) == [new.fingerprint, old.fingerprint])
            #expect(try await b.keys().map(\.size) == [32, 32])
            #expect(try await a.keys().map(\.fingerprint) == [old.fingerprint])
            let bad: [(PeerNodeChangeKeysRequest, RPCCode)] = [
                (.init(), .invalidArgument), (.with { $0.change = .add }, .invalidArgument),
                (
                    .with {
                        $0.change = .add
                        $0.key = Data([1, 2, 3])
                    }, .invalidArgument
                ),
                (
                    .with {
                        $0.change = .use
                        $0.fingerprint = "00"
                    }, .notFound
                ),
                (
                    .with {
                        $0.change = .remove
                        $0.fingerprint = new.fingerprint
                    }, .failedPrecondition
                ),
            ]
            for (request, status) in bad { #expect(await code { try await b.changeKeys(request) } == status) }
        }
    }

    @Test func roundTripsAreThoseOfTheCalledNode() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            nodes["b"]?.gossip.set(roundTrips: ["c": .milliseconds(1500), "a": .microseconds(250)])
            let measured = try #require(try await nodes["b"]?.client.peerNode.roundTrips())
            #expect(measured.map(\.node) == ["a", "c"])
            #expect(measured.map(\.roundTrip.seconds) == [0, 1])
            #expect(measured.map(\.roundTrip.nanos) == [250_000, 500_000_000])
            #expect(try await nodes["a"]?.client.peerNode.roundTrips().isEmpty == true)
        }
    }

    @Test func storeStatusIsThatOfTheCalledNode() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let b = try #require(nodes["b"])
            let written = try await b.store.write([StoreChange(StoreBucket.apps, "shop", [1])])
            let status = try await b.client.peerNode.storeStatus()
            #expect(status.entries == 1 && status.seen.map(\.origin) == ["b"])
            #expect(status.seen.map(\.stamp) == written.map(\.stamp.rawValue))
            #expect(try await nodes["a"]?.client.peerNode.storeStatus().entries == 0)
        }
    }

    @Test func quarantineChangesOnTheCalledNodeAlone() async throws {
        let stamp = StoreStamp(milliseconds: StoreStamp.latest.milliseconds + 1, counter: 0)
        let shop = StoreEntry(StoreKey(StoreBucket.apps, "shop"), [1], stamp: stamp, origin: "z")
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let (a, b) = (try #require(nodes["a"]), try #require(nodes["b"]))
            for node in [a, b] { try await node.store.take([shop]) }
            let held = try await b.client.peerNode.quarantine()
            #expect(held.map(\.key) == ["shop"] && held.map(\.nodes) == [[]])
            let ids = held.map(\.id)
            #expect(
                await code { try await b.client.peerNode.changeQuarantine(.with { $0.ids = ids }) } == .invalidArgument
            )
            // It is no id, so the node ignores it.
            try await b.client.peerNode.changeQuarantine(
                .with {
                    $0.change = .drop
                    $0.ids = ["shop"]
                }
            )
            #expect(try await b.client.peerNode.quarantine().map(\.id) == ids)
            try await b.client.peerNode.changeQuarantine(
                .with {
                    $0.change = .drop
                    $0.ids = ids
                }
            )
            #expect(try await b.client.peerNode.quarantine().isEmpty)
            #expect(b.store.value(StoreBucket.apps, "shop") == nil)
            try await a.client.peerNode.changeQuarantine(
                .with {
                    $0.change = .accept
                    $0.ids = ids
                }
            )
            #expect(a.store.value(StoreBucket.apps, "shop")?.origin == "a")
            #expect(try await a.client.peerNode.quarantine().isEmpty)
        }
    }
}
