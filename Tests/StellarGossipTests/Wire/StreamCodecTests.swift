import StellarTestKit
import Testing

@testable import StellarGossip

struct StreamCodecTests {
    private let message = StreamMessage.pushPull(
        PushPull(
            nodes: (0..<40).map {
                PushPullNode(name: "node-\($0)", address: MessageTests.loopback, port: 1, incarnation: 1, state: .alive)
            },
            isJoin: true,
            userState: [1, 2, 3]
        )
    )

    private func stream(_ codec: StreamCodec) throws -> [UInt8] {
        var random = SplitMix64(seed: 1)
        return try codec.encode(message.encoded()) { SealedBlock.Nonce(using: &random) }
    }

    private func codecs() throws -> [StreamCodec] {
        let key = try #require(GossipKey([UInt8](repeating: 3, count: 24)))
        var codecs: [StreamCodec] = []
        for label in [[], Array("prod".utf8)] {
            for keyring in [nil, Keyring(key)] {
                for compresses in [false, true] {
                    var packets = PacketCodec(label: label, keyring: keyring)
                    packets.compresses = compresses
                    codecs.append(StreamCodec(packets))
                }
            }
        }
        return codecs
    }

    @Test func everyCombinationDecodesOnlyWhenComplete() throws {
        for codec in try codecs() {
            let bytes = try stream(codec)
            #expect(try codec.decode(bytes[...]) == .message(message))
            for count in stride(from: 0, to: bytes.count, by: 7) {
                #expect(try codec.decode(bytes.prefix(count)) == .incomplete, "\(count) of \(bytes.count)")
            }
        }
    }

    @Test func labelComesFirstAndOnce() throws {
        let codec = StreamCodec(PacketCodec(label: Array("prod".utf8)))
        let bytes = codec.preamble + [1, 2]
        #expect(codec.preamble == [244, 4] + Array("prod".utf8))
        #expect(try codec.withoutPreamble(bytes[...]) == [1, 2])
        for count in 0..<6 { #expect(try codec.withoutPreamble(bytes.prefix(count)) == nil) }
        #expect(throws: WireError.label) { try codec.withoutPreamble([6, 1]) }
        #expect(throws: WireError.label) { try codec.withoutPreamble([244, 4, 0x70, 0x71]) }
        #expect(throws: WireError.label) { try StreamCodec(PacketCodec()).withoutPreamble(bytes[...]) }
    }

    @Test func plainAndEncryptedDoNotMix() throws {
        let all = try codecs()
        let (plain, encrypted) = (all[0], all[2])
        #expect(throws: WireError.decryption) { try plain.decode(try stream(encrypted)[...]) }
        #expect(throws: WireError.decryption) { try encrypted.decode(try stream(plain)[...]) }
    }

    @Test func lengthsAboveTheLimitsAreRefused() throws {
        let encrypted = try codecs()[2]
        #expect(throws: WireError.tooLarge) { try encrypted.decode([10, 0xFF, 0xFF, 0xFF, 0xFF, 1]) }
        var writer = MessagePackWriter(.pushPull)
        PushPullHeader(nodes: 1 << 30, userStateLength: 0, isJoin: false).encode(to: &writer)
        #expect(throws: WireError.outOfRange) { try StreamCodec(PacketCodec()).decode(writer.bytes[...]) }
        // The compressed bytes are complete, so a truncated message in them can never become complete.
        let inner = message.encoded().dropLast(10)
        #expect(throws: WireError.compression) { try StreamCodec(PacketCodec()).decode(Compressed.encode(inner)[...]) }
    }

    /// The size after decompression is bounded by the size before.
    @Test func decompressionIsBounded() throws {
        let codec = StreamCodec(PacketCodec())
        func stream(_ zeros: Int) throws -> [UInt8] {
            let message = StreamMessage.user([UInt8](repeating: 0, count: zeros)).encoded()
            return try codec.encode(message) { SealedBlock.Nonce(bytes: []) }
        }
        #expect(try codec.decode(try stream(60_000)[...]) == .message(.user([UInt8](repeating: 0, count: 60_000))))
        #expect(throws: WireError.tooLarge) { try codec.decode(try stream(1 << 20)[...]) }
    }

    /// A state of ten thousand nodes that hardly differ is far from the limit.
    @Test func largeStatesStayBelowTheBound() throws {
        let codec = StreamCodec(PacketCodec())
        let nodes = (0..<10_000).map {
            PushPullNode(name: "n\($0)", address: MessageTests.loopback, port: 1, incarnation: 1, state: .alive)
        }
        let state = StreamMessage.pushPull(PushPull(nodes: nodes, isJoin: false))
        let bytes = try codec.encode(state.encoded()) { SealedBlock.Nonce(bytes: []) }
        #expect(try codec.decode(bytes[...]) == .message(state))
        #expect(state.encoded().count < WireLimits.decompressedRatio / 4 * bytes.count)
    }

    @Test func streamMessagesSurviveEncoding() throws {
        for message in [
            StreamMessage.ping(Ping(sequence: 1, node: "x")), .acknowledgement(Acknowledgement(sequence: 1)),
            .user([UInt8](repeating: 1, count: 1000)), .user([]), .failure(RemoteFailure("no")),
        ] {
            #expect(try StreamMessage(message.encoded()[...]) == message)
        }
    }
}
