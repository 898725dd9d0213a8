import Testing

@testable import StellarGossip

/// What a node of memberlist 0.2.2 sent: every byte of it is understood, and is what we would have sent.
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
            wantsNegative: true
        )
        request.sourceAddress = MessageTests.loopback
        request.sourcePort = 17_946
        request.sourceNode = "real"
        return .indirectPing(request)
    }

    private static func suspect(_ node: String) -> GossipMessage {
        .suspect(Suspect(node: node, incarnation: 1, from: "real"))
    }

    /// A datagram, and what is in it.
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
    func datagramsAreUnderstoodAndWrittenAlike(datagram: Datagram) throws {
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

    @Test func aJoinIsUnderstoodAndWrittenAlike() throws {
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

    @Test func aPingOnAStreamIsUnderstoodAndWrittenAlike() throws {
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
