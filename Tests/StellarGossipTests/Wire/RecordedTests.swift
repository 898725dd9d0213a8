import Testing

@testable import StellarGossip

/// Recorded messages of a memberlist 0.2.2 node: each decodes, and encodes to the same bytes.
struct RecordedTests {
    private static func alive(_ node: String, _ port: UInt16, _ metadata: String = "") -> GossipMessage {
        .alive(
            Alive(
                node: node,
                incarnation: 1,
                address: MessageTests.loopback,
                port: port,
                metadata: Array(metadata.utf8)
            )
        )
    }

    private static func ping(_ sequence: UInt32) -> Ping {
        var ping = Ping(sequence: sequence, node: "cap")
        ping.sourceAddress = MessageTests.loopback
        ping.sourcePort = 17_946
        ping.sourceNode = "real"
        return ping
    }

    private static func indirectPing() -> GossipMessage {
        var request = IndirectPing(
            sequence: 1,
            target: MessageTests.loopback,
            port: 17_998,
            node: "ghost",
            wantsNack: true
        )
        request.sourceAddress = MessageTests.loopback
        request.sourcePort = 17_946
        request.sourceNode = "real"
        return .indirectPing(request)
    }

    private static func suspect(_ node: String) -> GossipMessage {
        .suspect(Suspect(node: node, incarnation: 1, from: "real"))
    }

    /// A datagram, and its messages.
    struct Datagram: Sendable {
        var name: String
        var hex: String
        var messages: [GossipMessage]
        var hasChecksum: Bool
    }

    static let datagrams = [
        Datagram(
            name: "three alive",
            hex: """
                0cc4c6eda207030041003d003b0486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461a568656c6c6fa44e6f6465\
                a47265616ca4506f7274cd461aa356736ea60105020000000486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461\
                c0a44e6f6465a567686f7374a4506f7274cd464ea356736ea60105020000000486a441646472a47f000001ab496e6361726e6174696f\
                6e01a44d657461c0a44e6f6465a3636170a4506f7274cd464fa356736ea6010502000000
                """,
            messages: [alive("real", 17_946, "hello"), alive("ghost", 17_998), alive("cap", 17_999)],
            hasChecksum: true
        ),
        Datagram(
            name: "indirect ping",
            hex: """
                0188a44e61636bc3a44e6f6465a567686f7374a4506f7274cd464ea55365714e6f01aa536f7572636541646472a47f000001aa536f75\
                7263654e6f6465a47265616caa536f75726365506f7274cd461aa6546172676574a47f000001
                """,
            messages: [indirectPing()],
            hasChecksum: false
        ),
        Datagram(
            name: "suspect",
            hex: "0c139688150383a446726f6da47265616cab496e6361726e6174696f6e01a44e6f6465a567686f7374",
            messages: [suspect("ghost")],
            hasChecksum: true
        ),
        Datagram(
            name: "ping with news",
            hex: """
                0702004000240085a44e6f6465a3636170a55365714e6f02aa536f7572636541646472a47f000001aa536f757263654e6f6465a47265\
                616caa536f75726365506f7274cd461a0383a446726f6da47265616cab496e6361726e6174696f6e01a44e6f6465a567686f7374
                """,
            messages: [.ping(ping(2)), suspect("ghost")],
            hasChecksum: false
        ),
        Datagram(
            name: "ping of a suspect, with the suspicion",
            hex: """
                0c523abc980702004000220085a44e6f6465a3636170a55365714e6f08aa536f7572636541646472a47f000001aa536f757263654e6f\
                6465a47265616caa536f75726365506f7274cd461a0383a446726f6da47265616cab496e6361726e6174696f6e01a44e6f6465a36361\
                70
                """,
            messages: [.ping(ping(8)), suspect("cap")],
            hasChecksum: true
        ),
    ]

    @Test(arguments: datagrams)
    func datagramsDecodeAndEncodeToTheSameBytes(datagram: Datagram) throws {
        var codec = PacketCodec()
        codec.compresses = false
        let bytes = Hex.decode(datagram.hex)
        #expect(codec.decode(bytes[...]) == PacketCodec.Decoded(messages: datagram.messages))
        var random = SystemRandomNumberGenerator()
        let written = try codec.encode(datagram.messages.map { $0.encoded() }, hasChecksum: datagram.hasChecksum) {
            SealedBlock.Nonce(using: &random)
        }
        #expect(written == bytes)
    }

    private static func acknowledgement(_ sequence: UInt32) -> GossipMessage {
        .acknowledgement(Acknowledgement(sequence: sequence))
    }

    private static let sentence = Array(String(repeating: "to be or not to be ", count: 4).utf8)

    /// Messages that do not depend on the number of nodes: acknowledgements, leave messages, user messages; compressed
    /// if that is shorter.
    static let answers = [
        Datagram(
            name: "acknowledgement with news",
            hex: """
                0702001200410282a75061796c6f6164c0a55365714e6f070486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461\
                a568656c6c6fa44e6f6465a47265616ca4506f7274cd461aa356736ea6010502000000
                """,
            messages: [acknowledgement(7), alive("real", 17_946, "hello")],
            hasChecksum: false
        ),
        Datagram(
            name: "negative acknowledgement",
            hex: "0b81a55365714e6f09",
            messages: [.negativeAcknowledgement(NegativeAcknowledgement(sequence: 9))],
            hasChecksum: false
        ),
        Datagram(
            name: "leave",
            hex: "0c7859740c0583a446726f6da47265616cab496e6361726e6174696f6e01a44e6f6465a47265616c",
            messages: [.dead(Dead(node: "real", incarnation: 1, from: "real"))],
            hasChecksum: true
        ),
        Datagram(
            name: "a user's message, compressed",
            hex: """
                0c87eeac110982a4416c676f00a3427566da002f0011d07903424c19106fe48070f3860e8881050f42348850214387132512a4987061\
                c3871b3546ace8116348100101
                """,
            messages: [.user(sentence)],
            hasChecksum: true
        ),
    ]

    @Test(arguments: answers)
    func responsesDecodeAndEncodeToTheSameBytes(datagram: Datagram) throws {
        let codec = PacketCodec()
        let bytes = Hex.decode(datagram.hex)
        #expect(codec.decode(bytes[...]) == PacketCodec.Decoded(messages: datagram.messages))
        var random = SystemRandomNumberGenerator()
        let written = try codec.encode(datagram.messages.map { $0.encoded() }, hasChecksum: datagram.hasChecksum) {
            SealedBlock.Nonce(using: &random)
        }
        #expect(written == bytes)
    }

    /// The first of ``answers``, sealed with keys of 16, 24 and 32 bytes of 0x5A.
    @Test(arguments: [
        (
            16,
            """
            0134f6d735b9513dacd15b1f968fa86de692d8b5ad8b8b809bebb6ada2a3a43fd33ba98cda99fdc0a5660997574ae8aa6e6eadd60ee96445\
            b0cfc5a0e8bd276296a285797476dc969ef40dced57fd52ed3c3fa856661ced86114c90e297565faf4f39b43dad60db0bf1e19a7d679f246\
            70895d10aea6
            """
        ),
        (
            24,
            """
            01d46d253a8252bd0c7210a7bde55145c43ffb7999390ddb259aa1bbe3eaeb21307bc2ad1270aff32eedca814ac779db11b14e41e6771e28\
            95aa3df99c152d5b7282f1cee446113b4667b429047e54b6d4c6e8955b615bf1e189704f566df101087261b4157c3f22ef2894984a2f9ff1\
            8388f5152470
            """
        ),
        (
            32,
            """
            017f71f4f7787da220d79e7cba2a2b7005ed2edda088e8a8065f52bab28d8a41e71d2909fbc98cc2ca60128e30e4d50720dbe4f0bb27719a\
            fff59f3369aceb6d799fd30ddc1594bd147485c22efd8f0ff620d98c2fb9028d0691007c842ca9bcd906c2e0068aef0bc1b5c55b40797758\
            00632c70250c
            """
        ),
    ])
    func encryptedDatagramsDecryptAndEncryptToTheSameBytes(keyLength: Int, hex: String) throws {
        let key = try #require(GossipKey([UInt8](repeating: 0x5A, count: keyLength)))
        var codec = PacketCodec(keyring: Keyring(key))
        codec.compresses = false
        let bytes = Hex.decode(hex)
        let messages = Self.answers[0].messages
        #expect(codec.decode(bytes[...]) == PacketCodec.Decoded(messages: messages))
        let written = try codec.encode(messages.map { $0.encoded() }, hasChecksum: false) {
            SealedBlock.Nonce(bytes: Array(bytes[1..<13]))
        }
        #expect(written == bytes)
    }

    /// The same from a node that speaks version 1, which pads.
    @Test func paddedDatagramIsDecrypted() throws {
        let bytes = Hex.decode(
            """
            002783b96f42288c8769d129606028cf6f56a6c2d7796d11f915d7a5191e8774727925b134768ec274b3d03db47c764696335d489a496012\
            362e08b7808918ad369d3f7b69f9612dc8e2ea708f837926f09f3193ceb4a8810b3d644ab213d46a285219c769d0a38ba9d1dda3da9ae3cb\
            ec1d7aeca6ab23df342b72caf0
            """
        )
        let key = try #require(GossipKey([UInt8](repeating: 0x5A, count: 16)))
        let decoded = PacketCodec(keyring: Keyring(key)).decode(bytes[...])
        var old = ProtocolVersions.ours
        old.current = 1
        let real = Alive(
            node: "real",
            incarnation: 1,
            address: MessageTests.loopback,
            port: 17_946,
            metadata: Array("hello".utf8),
            versions: old
        )
        #expect(decoded == PacketCodec.Decoded(messages: [Self.acknowledgement(7), .alive(real)]))
    }

    /// Responses on streams, which are always compressed if compression is on.
    @Test(
        arguments: [
            (
                StreamMessage.acknowledgement(Acknowledgement(sequence: 11)), "0282a75061796c6f6164c0a55365714e6f0b",
                "0982a4416c676f00a3427566b70005083a05254c1e366fc29001566a4a99384ede2c0808"
            ),
            (
                .failure(RemoteFailure("Cannot decompress unknown algorithm 1")),
                "0d81a54572726f72da002543616e6e6f74206465636f6d707265737320756e6b6e6f776e20616c676f726974686d2031",
                """
                0982a4416c676f00a3427566da0036001b042a55448e9c3772b4012831248c1b376fe880205366cc9b3670e494993307441d376b20de\
                7103220c9b3308d3d041d306448c80
                """
            ),
        ] as [(StreamMessage, String, String)]
    )
    func streamResponsesDecodeAndEncodeToTheSameBytes(message: StreamMessage, plain: String, compressed: String) throws
    {
        var codec = StreamCodec(PacketCodec())
        var random = SystemRandomNumberGenerator()
        for (compresses, hex) in [(false, plain), (true, compressed)] {
            codec.packets.compresses = compresses
            let bytes = Hex.decode(hex)
            #expect(try codec.decode(bytes[...]) == .message(message))
            #expect(try codec.encode(message.encoded()) { SealedBlock.Nonce(using: &random) } == bytes)
        }
    }

    @Test func joinDecodesAndEncodesToTheSameBytes() throws {
        let bytes = Hex.decode(
            """
            0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656e0087a441646472a47f000001ab496e6361726e6174696f6e01\
            a44d657461a568656c6c6fa44e616d65a47265616ca4506f7274cd461aa5537461746500a356736ea6010502000000
            """
        )
        let real = PushPullNode(
            name: "real",
            address: MessageTests.loopback,
            port: 17_946,
            metadata: Array("hello".utf8),
            incarnation: 1,
            state: .alive
        )
        let state = StreamMessage.pushPull(PushPull(nodes: [real], isJoin: true))
        #expect(try StreamMessage(bytes[...]) == state)
        #expect(state.encoded() == bytes)
    }

    @Test func streamPingDecodesAndEncodesToTheSameBytes() throws {
        let bytes = Hex.decode(
            """
            0085a44e6f6465a3636170a55365714e6f06aa536f7572636541646472a47f000001aa536f757263654e6f6465a47265616caa536f75\
            726365506f7274cd461a
            """
        )
        #expect(try StreamMessage(bytes[...]) == .ping(Self.ping(6)))
        #expect(StreamMessage.ping(Self.ping(6)).encoded() == bytes)
    }
}
