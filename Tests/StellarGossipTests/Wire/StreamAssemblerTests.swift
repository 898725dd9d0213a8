import StellarTestKit
import Testing

@testable import StellarGossip

/// Streams that arrive in pieces.
struct StreamAssemblerTests {
    private static let message = StreamMessage.pushPull(
        PushPull(
            nodes: (0..<30).map {
                PushPullNode(name: "n\($0)", address: MessageTests.loopback, port: 1, incarnation: 1, state: .alive)
            },
            isJoin: false,
            userState: [1, 2, 3, 4]
        )
    )

    @Test(arguments: [1, 2, 3, 7, 64, 100_000])
    func piecesOfAnySizeMakeTheMessage(size: Int) throws {
        let key = try #require(GossipKey([UInt8](repeating: 3, count: 16)))
        for (keyring, compresses) in [(nil, false), (nil, true), (Keyring(key), true)] as [(Keyring?, Bool)] {
            var packets = PacketCodec(label: Array("prod".utf8), keyring: keyring)
            packets.compresses = compresses
            let codec = StreamCodec(packets)
            var random = SplitMix64(seed: 1)
            let frame = try codec.encode(Self.message.encoded()) { SealedBlock.Nonce(using: &random) }
            var rest = (codec.preamble + frame)[...]
            var assembler = StreamAssembler(codec, hasPreamble: true)
            while true {
                let piece = rest.prefix(size)
                rest = rest.dropFirst(size)
                let message = try assembler.append(piece)
                guard rest.isEmpty else {
                    #expect(message == nil)
                    continue
                }
                #expect(message == Self.message)
                break
            }
        }
    }

    /// A message of many small values, byte by byte: an assembler that starts from the beginning with each piece takes
    /// hours.
    @Test func timeGrowsWithTheBytesOnly() throws {
        var assembler = StreamAssembler(StreamCodec(PacketCodec()), hasPreamble: false)
        let nodes = 20_000
        let state = PushPull(
            nodes: (0..<nodes).map {
                PushPullNode(name: "n\($0)", address: MessageTests.loopback, port: 1, incarnation: 1, state: .alive)
            },
            isJoin: true
        )
        let bytes = state.encoded()
        #expect(bytes.count > 1_000_000)
        var message: StreamMessage?
        for byte in bytes { message = try assembler.append(CollectionOfOne(byte)) }
        #expect(message == .pushPull(state))
    }

    @Test func announcedLengthsAreCheckedBeforeTheBytesCome() throws {
        func fails(_ bytes: [UInt8], _ error: WireError, sourceLocation: SourceLocation = #_sourceLocation) {
            var assembler = StreamAssembler(StreamCodec(PacketCodec()), hasPreamble: false)
            #expect(throws: error, sourceLocation: sourceLocation) { try assembler.append(bytes) }
        }
        // A ping of a gigabyte, a compression of two, an array of arrays of arrays.
        fails([0, 0x81, 0xDB, 0x40, 0, 0, 0], .tooLarge)
        fails([9, 0x82, 0xA4, 0x41, 0x6C, 0x67, 0x6F, 0, 0xA3, 0x42, 0x75, 0x66, 0xDB, 0x80, 0, 0, 0], .tooLarge)
        fails([0] + [UInt8](repeating: 0x91, count: 20), .tooDeep)
        fails([0xC1], .unknownType(0xC1))
        fails([3, 0x80], .unknownType(3))
        // A node that is longer than the limit.
        var writer = MessagePackWriter(.pushPull)
        PushPullHeader(nodes: 1, userStateLength: 0, isJoin: false).encode(to: &writer)
        fails(writer.bytes + [0x81, 0xA1, 0x78, 0xDA, 0xFF, 0xFF], .tooLarge)
    }

    @Test func invalidNodeDoesNotAffectTheOthers() throws {
        var state = PushPull(
            nodes: ["good", "bad\u{1B}[2J", "", "also good"].map {
                PushPullNode(name: $0, address: MessageTests.loopback, port: 1, incarnation: 1, state: .alive)
            },
            isJoin: false
        )
        state.nodes.append(state.nodes[0])
        state.nodes[4].name = "verbose"
        state.nodes[4].metadata = [UInt8](repeating: 1, count: 513)
        var assembler = StreamAssembler(StreamCodec(PacketCodec()), hasPreamble: false)
        guard case .pushPull(let read) = try assembler.append(state.encoded()) else {
            Issue.record("no push/pull")
            return
        }
        #expect(read.nodes.map(\.name) == ["good", "", "also good"])
        #expect(read.refused == [.name, .metadata])
    }
}
