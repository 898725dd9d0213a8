import StellarTestKit
import Testing

@testable import StellarGossip

/// Datagrams that no honest node sends: each is dropped, counted with its reason, and logged once.
@Suite(.requires(.memberlist))
struct HostileDatagramTests {
    private static func alive(
        _ name: [UInt8],
        metadata: Int = 0,
        address: Int = 4,
        versions: [UInt8] = [1, 5, 2, 0, 0, 0]
    )
        -> [UInt8]
    {
        var writer = MessagePackWriter(.alive)
        writer.map(6)
        writer.key("Addr")
        writer.byteArray([UInt8](repeating: 127, count: address))
        writer.key("Incarnation")
        writer.unsigned(UInt32(1))
        writer.key("Meta")
        writer.byteArray([UInt8](repeating: 1, count: metadata))
        writer.key("Node")
        writer.byteArray(name)
        writer.key("Port")
        writer.unsigned(UInt16(7946))
        writer.key("Vsn")
        writer.byteArray(versions)
        return writer.bytes
    }

    /// Datagrams, and the counter of their drops.
    private static let attacks: [(datagram: [UInt8], counter: String)] = {
        let ping = Ping(sequence: 1, node: "target").encoded()
        return [
            ([0xFF], "drop.notGossip"),
            (Array("GET / HTTP/1.1\r\n\r\n".utf8), "drop.notGossip"),
            ([UInt8](repeating: 0x5A, count: 60_000), "drop.notGossip"),
            ([7, 255, 0xFF, 0xFF], "drop.notGossip"), ([6] + ping, "drop.notGossip"), ([10] + ping, "drop.notGossip"),
            ([9, 0x82, 0xA4] + Array("Algo".utf8) + [1, 0xA3] + Array("Buf".utf8) + [0xA0], "drop.notGossip"),
            ([12, 0, 0, 0, 0] + ping, "drop.checksum"), ([244, 3, 0x61, 0x62, 0x63] + ping, "drop.label"),
            (Bomb.deep(ping, levels: 100), "drop.tooLarge"), (Bomb.squeezed(ping, levels: 20), "drop.tooLarge"),
            (Bomb.wide([8]), "drop.tooLarge"), (Bomb.zeros(tables: 10), "drop.tooLarge"),
            (alive([0x61], metadata: 513), "drop.metadata"), (alive([0x61], address: 5), "drop.notGossip"),
            (alive([]), "unsoundClaims"), (alive([UInt8](repeating: 0x61, count: 256)), "drop.name"),
            (alive([0xC3, 0x28]), "drop.name"), (alive(Array("a\u{1B}[2J".utf8)), "drop.name"),
            (alive([0x61], versions: [0, 0, 0, 0, 0, 0]), "unsoundClaims"),
            (alive([0x61], versions: [5, 1, 2, 0, 0, 0]), "unsoundClaims"),
            (alive([0x61], address: 0), "unsoundClaims"),
            (Dead(node: "nobody", incarnation: 1, from: "me").encoded(), "unknownNodes"),
            (Ping(sequence: 1, node: "somebody else").encoded(), "misdirectedPings"),
            (Acknowledgement(sequence: 0xFFFF_0000).encoded(), "unexpectedAnswers"),
        ]
    }()

    @Test func invalidDatagramsAreDroppedCountedAndLoggedOnce() async throws {
        try await HonestCluster.with { cluster in
            for (datagram, counter) in Self.attacks {
                try await cluster.attack(datagram, counts: counter)
            }
            for _ in 0..<100 {
                for (datagram, _) in Self.attacks where datagram.count < 2000 {
                    cluster.socket.send(datagram, to: cluster.target.port)
                }
            }
            for reason in [DropReason.notGossip, .checksum, .label, .tooLarge] {
                #expect(try cluster.logLines(reason).count == 1, "\(reason)")
            }
            try await cluster.isUnharmed()
        }
    }

    @Test func messagesWithoutTheKeyAreDropped() async throws {
        let key = [UInt8](repeating: 1, count: 32)
        try await HonestCluster.with(ClusterNode.Options(keys: [key])) { cluster in
            let death = Dead(node: "honest-0", incarnation: 1, from: "honest-0").encoded()
            try await cluster.attack(death, counts: "drop.key")
            var random = SplitMix64(seed: 1)
            for length in [16, 24, 32] {
                let other = try #require(GossipKey([UInt8](repeating: 9, count: length)))
                let codec = PacketCodec(keyring: Keyring(other))
                let sealed = try codec.encode([death], hasChecksum: true) { .init(using: &random) }
                try await cluster.attack(sealed, counts: "drop.key")
            }
            // On a stream the reason comes back encrypted, so a stranger without the key learns nothing.
            let state = StreamMessage.pushPull(PushPull(nodes: [], isJoin: true)).encoded()
            let response = try await cluster.attack(stream: state, counts: "drop.key")
            #expect(response.isEmpty || response.first == MessageType.encrypted.rawValue)
            #expect(try cluster.logLines(.key).count == 1)
            for node in [cluster.target] + cluster.others { #expect(try await node.reportedDead().isEmpty) }
            try await cluster.isUnharmed()
        }
    }
}
