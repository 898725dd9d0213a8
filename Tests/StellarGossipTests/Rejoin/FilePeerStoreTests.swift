import FoundationEssentials
import StellarTestKit
import Testing

@testable import StellarGossip

struct FilePeerStoreTests {
    private static func peer(_ name: String, _ endpoint: String, hasLeft: Bool = false) throws -> KnownPeer {
        KnownPeer(
            name: name,
            endpoint: try #require(GossipEndpoint(endpoint)),
            hasLeft: hasLeft,
            lastSeen: 1_700_000_000,
            metadata: [0, 10, 32, 255]
        )
    }

    @Test func savedPeersAreLoaded() async throws {
        try await TemporaryDirectory.with { folder in
            let store = FilePeerStore(path: "\(folder)/peers")
            #expect(try await store.load().isEmpty)
            let peers = [
                try Self.peer("plain", "10.0.0.1:7946"),
                try Self.peer("with space % and ü", "[fd00::1]:1", hasLeft: true),
            ]
            try await store.save(peers)
            #expect(try await store.load() == peers)
            try await store.save([])
            #expect(try await store.load().isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["peers"])
        }
    }

    @Test func invalidLineCostsOnePeer() async throws {
        try await TemporaryDirectory.with { folder in
            let path = "\(folder)/peers"
            let good = FilePeerStore.line(try Self.peer("b", "10.0.0.1:7946"))
            let bad = [
                "", "x", "10.0.0.1:0 seen 1 b ", "10.0.0.1:1 seen 1 %1 ", "host:1 seen 1 b ", "10.0.0.1:1 seen 1 %0A ",
            ]
            let text = (["stellar-peers 1"] + bad + [good, "10.0.0.1:79"]).joined(separator: "\n")
            try TemporaryDirectory.write(Array(text.utf8), to: path)
            #expect(try await FilePeerStore(path: path).load().map(\.name) == ["b"])
        }
    }

    @Test func otherFileIsRefused() async throws {
        try await TemporaryDirectory.with { folder in
            let path = "\(folder)/peers"
            try TemporaryDirectory.write(Array("something else\n".utf8), to: path)
            let error = await #expect(throws: PeerStoreError.self) { try await FilePeerStore(path: path).load() }
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test func failedSaveKeepsTheOldFile() async throws {
        try await TemporaryDirectory.with { folder in
            let path = "\(folder)/peers"
            let store = FilePeerStore(path: path)
            try await store.save([try Self.peer("old", "10.0.0.1:7946")])
            try FileManager.default.createDirectory(atPath: path + ".new", withIntermediateDirectories: false)
            await #expect(throws: PeerStoreError.self) { try await store.save([]) }
            #expect(try await store.load().map(\.name) == ["old"])
        }
    }
}
