import StellarAPI
import StellarRPC
import StellarStore
import StellarTestKit
import SwiftProtobuf
import Testing

@testable import StellarDaemon

/// Quarantined writes, and the commands that accept or drop them.
@Suite(.timeLimit(.minutes(5)))
struct QuarantineTests {
    /// A write with a stamp that no node accepts.
    private static func write(_ key: String, _ value: String?, of origin: String, _ number: UInt16 = 0) -> StoreEntry {
        let stamp = StoreStamp(milliseconds: StoreStamp.latest.milliseconds + 1, counter: number)
        return StoreEntry(StoreKey(StoreBucket.apps, key), value.map { Array($0.utf8) }, stamp: stamp, origin: origin)
    }

    private static func request(
        _ change: ClusterChangeQuarantineRequest.Change,
        _ names: String...
    ) -> ClusterChangeQuarantineRequest {
        .with {
            $0.change = change
            $0.writes = names
        }
    }

    private let shop = write("shop", "new", of: "z")

    @Test func eachEntryIsListedOnceWithItsNodes() async throws {
        let others = [try FakeClusterNode.member("dead", api: "", state: .dead)]
        try await FakeClusterNode.with(["a", "b"], others: others) { nodes in
            let (a, b) = (try #require(nodes["a"]), try #require(nodes["b"]))
            try await a.store.take([shop])
            try await b.store.take([Self.write("blog", nil, of: "y"), shop])
            let found = try await a.client.cluster.quarantine()
            #expect(found.writes.map(\.key) == ["blog", "shop"] && found.writes.map(\.nodes) == [["b"], ["a", "b"]])
            #expect(found.writes.map(\.deletes) == [true, false] && found.writes.map(\.size) == [0, 3])
            #expect(found.writes[1].id == "z/\(String(shop.stamp.rawValue, radix: 16))")
            #expect(found.writes[1].reason.contains("2200"))
            #expect(found.nodes.map(\.error) == ["", "", "it is dead and was not asked"])
            #expect(try await a.client.cluster.status().first?.store.quarantined.map(\.key) == ["shop"])
        }
    }

    @Test func anAcceptedEntryIsWrittenAndLeavesAllQuarantines() async throws {
        try await FakeClusterNode.with(["a", "b"]) { nodes in
            let (a, b) = (try #require(nodes["a"]), try #require(nodes["b"]))
            for node in [a, b] { try await node.store.take([shop]) }
            let old = try await a.store.write([StoreChange(StoreBucket.apps, "shop", [1])])
            let answer = try await a.client.cluster.changeQuarantine(Self.request(.accept, "shop"))
            #expect(answer.writes.map(\.key) == ["shop"] && answer.nodes.map(\.error) == [""])
            let accepted = try #require(a.store.value(StoreBucket.apps, "shop"))
            #expect(accepted.value == shop.value && accepted.origin == "a" && accepted.supersedes(old[0]))
            #expect(accepted.stamp < .latest)
            #expect(try await a.client.cluster.quarantine().writes.isEmpty)
            // A second accept finds no such write.
            let again = await #expect(throws: RPCError.self) {
                try await a.client.cluster.changeQuarantine(Self.request(.accept, "shop"))
            }
            #expect(again?.code == .notFound && again?.message == "no write shop is kept aside")
        }
    }

    /// The called node does not have the entry; a node that has it writes it.
    @Test func anyNodeTakesTheCommand() async throws {
        try await FakeClusterNode.with(["a", "b", "c"]) { nodes in
            let (a, b, c) = (try #require(nodes["a"]), try #require(nodes["b"]), try #require(nodes["c"]))
            for node in [b, c] { try await node.store.take([shop]) }
            let id = "z/\(String(shop.stamp.rawValue, radix: 16))"
            let answer = try await a.client.cluster.changeQuarantine(Self.request(.accept, id))
            #expect(answer.nodes.map(\.node) == ["b"])
            #expect(b.store.value(StoreBucket.apps, "shop")?.value == shop.value)
            #expect(try await a.client.cluster.quarantine().writes.isEmpty)
        }
    }

    @Test func aDroppedEntryIsRemovedAndUnreachableNodesAreNamed() async throws {
        let gone = try FakeClusterNode.member("gone", api: "127.0.0.1:\(try LoopbackPort.free())")
        try await FakeClusterNode.with(["a", "b"], others: [gone]) { nodes in
            let (a, b) = (try #require(nodes["a"]), try #require(nodes["b"]))
            for node in [a, b] { try await node.store.take([shop, Self.write("blog", "x", of: "z", 1)]) }
            let answer = try await b.client.cluster.changeQuarantine(Self.request(.drop, "shop"))
            #expect(answer.nodes.filter(\.error.isEmpty).map(\.node) == ["b", "a"])
            #expect(answer.nodes.last?.node == "gone" && answer.nodes.last?.error.isEmpty == false)
            #expect(a.store.value(StoreBucket.apps, "shop") == nil && b.store.value(StoreBucket.apps, "shop") == nil)
            #expect(try await a.client.cluster.quarantine().writes.map(\.key) == ["blog"])
            // A node that did not respond may have it.
            let error = await #expect(throws: RPCError.self) {
                try await a.client.cluster.changeQuarantine(Self.request(.drop, "shop"))
            }
            #expect(error?.message == "no write shop is kept aside by a node that answers (not: gone)")
        }
    }

    @Test func anAmbiguousEntryIsRefused() async throws {
        try await FakeClusterNode.with(["a"]) { nodes in
            let a = try #require(nodes["a"])
            try await a.store.take([shop, Self.write("shop", "other", of: "y", 1)])
            let several = await #expect(throws: RPCError.self) {
                try await a.client.cluster.changeQuarantine(Self.request(.drop, "shop"))
            }
            #expect(several?.code == .failedPrecondition)
            #expect(several?.message.contains("2 writes of shop are kept aside; say which: y/") == true)
            for request in [Self.request(.accept), Self.request(.drop, ""), Self.request(.unknown, "shop")] {
                let error = await #expect(throws: RPCError.self) {
                    try await a.client.cluster.changeQuarantine(request)
                }
                #expect(error?.code == .invalidArgument)
            }
            #expect(try await a.client.cluster.quarantine().writes.count == 2)
        }
    }
}
