import StellarTestKit
import Testing

@testable import StellarGossip

/// The limits of the wire format, each at its last allowed and its first refused value, and rules of single layers.
struct WireRulesTests {
    /// A message with one field at a length, and the error above the limit.
    struct Limit: Sendable, CustomTestStringConvertible {
        var name: String
        var most: Int
        var error: WireError
        var decode: @Sendable (Int) throws -> Void

        var testDescription: String { name }
    }

    private static func decode(_ bytes: [UInt8]) throws {
        if let error = PacketCodec().decode(bytes[...]).errors.first { throw error }
    }

    private static let limits = [
        Limit(name: "name", most: 255, error: .name) {
            try decode(Ping(sequence: 1, node: String(repeating: "n", count: $0)).encoded())
        },
        Limit(name: "metadata", most: 512, error: .metadata) {
            let metadata = [UInt8](repeating: 1, count: $0)
            try decode(Alive(node: "b", incarnation: 1, address: .none, port: 1, metadata: metadata).encoded())
        },
        Limit(name: "payload of an acknowledgement", most: 1024, error: .tooLarge) {
            var message = Acknowledgement(sequence: 1)
            message.payload = [UInt8](repeating: 1, count: $0)
            try decode(message.encoded())
        },
        Limit(name: "text of an error", most: 1024, error: .tooLarge) {
            _ = try StreamMessage(RemoteFailure(String(repeating: "x", count: $0)).encoded()[...])
        },
        Limit(name: "nesting", most: 5, error: .tooDeep) {
            try decode((0..<$0).reduce([8]) { inner, _ in compound([inner]) })
        },
        Limit(name: "messages of a datagram", most: 1024, error: .tooLarge) {
            let full = compound([[UInt8]](repeating: [8], count: 255))
            let fullOnes = [[UInt8]](repeating: full, count: $0 / 255)
            try decode(compound(fullOnes + [[UInt8]](repeating: [8], count: $0 % 255)))
        },
    ]

    private static func compound(_ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        Compound.append(parts, to: &bytes)
        return bytes
    }

    @Test(arguments: limits)
    func limitIsTheLastAllowedValue(limit: Limit) {
        #expect(throws: Never.self) { try limit.decode(limit.most) }
        #expect(throws: limit.error) { try limit.decode(limit.most + 1) }
    }

    @Test(arguments: [(0, true), (3, false), (4, true), (5, false), (15, false), (16, true), (17, false)])
    func addressHasNoneFourOrSixteenBytes(count: Int, isValid: Bool) {
        var writer = MessagePackWriter(.indirectPing)
        writer.map(1)
        writer.key("Target")
        writer.byteArray([UInt8](repeating: 1, count: count))
        #expect(PacketCodec().decode(writer.bytes[...]).errors.isEmpty == isValid)
    }

    @Test(arguments: [(3, true), (4, false), (255, false)] as [(UInt8, Bool)])
    func stateOfANodeIsOneOfFour(value: UInt8, isValid: Bool) {
        var writer = MessagePackWriter(.pushPull)
        PushPullHeader(nodes: 1, userStateLength: 0, isJoin: false).encode(to: &writer)
        writer.map(1)
        writer.key("State")
        writer.unsigned(value)
        #expect(((try? StreamMessage(writer.bytes[...])) != nil) == isValid)
    }

    /// A label has at least one byte, and all of them are there.
    @Test(arguments: [[244], [244, 0], [244, 0, 1, 2], [244, 5, 1]] as [[UInt8]])
    func incompleteLabelIsRefused(datagram: [UInt8]) {
        for codec in [PacketCodec(), PacketCodec(label: [1])] {
            #expect(codec.decode(datagram[...]) == PacketCodec.Decoded(errors: [.truncated]))
        }
    }

    /// A datagram is compressed only if that is shorter; a stream always.
    @Test func incompressibleDatagramIsNotCompressed() throws {
        var random = SplitMix64(seed: 1)
        let noise = GossipMessage.user((0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }).encoded()
        let zeros = GossipMessage.user([UInt8](repeating: 0, count: 200)).encoded()
        func first(_ message: [UInt8]) throws -> UInt8? {
            try PacketCodec().encode([message], hasChecksum: false) { SealedBlock.Nonce(bytes: []) }.first
        }
        #expect(try first(noise) == MessageType.user.rawValue)
        #expect(try first(zeros) == MessageType.compressed.rawValue)
        let stream = try StreamCodec(PacketCodec()).encode(noise) { SealedBlock.Nonce(bytes: []) }
        #expect(stream.first == MessageType.compressed.rawValue && stream.count > noise.count)
    }

    /// Go's writer begins with a clear code; its reader does not need one.
    @Test func compressedBytesMayLackTheFirstClearCode() throws {
        #expect(try LempelZivWelch.decompress([0x61, 0x02, 0x02], limit: 10) == Array("a".utf8))
    }

    /// The fields of a map may come in any order; a missing one is empty or zero.
    @Test func fieldsMayBeInAnyOrderOrMissing() throws {
        let (node, sequence) = ([0xA4] + Array("Node".utf8) + [0xA1, 0x62], [0xA5] + Array("SeqNo".utf8) + [7])
        for (fields, expected) in [
            ([], Ping(sequence: 0, node: "")), ([sequence], Ping(sequence: 7, node: "")),
            ([node, sequence], Ping(sequence: 7, node: "b")), ([sequence, node], Ping(sequence: 7, node: "b")),
        ] as [([[UInt8]], Ping)] {
            let bytes = [0x80 | UInt8(fields.count)] + fields.flatMap { $0 }
            var reader = MessagePackReader(bytes)
            let ping = try Ping(from: &reader)
            #expect(ping == expected)
        }
    }
}
