import Testing

@testable import StellarGossip

struct MessageTests {
    static let loopback = WireAddress([127, 0, 0, 1]) ?? .none

    private func decoded(_ bytes: [UInt8]) throws -> GossipMessage {
        let type = try #require(MessageType(rawValue: bytes[0]))
        return try GossipMessage(type, bytes.dropFirst())
    }

    @Test func pingHasTheBytesOfMemberlist() throws {
        var ping = Ping(sequence: 1, node: "b")
        ping.sourceAddress = Self.loopback
        ping.sourcePort = 7946
        ping.sourceNode = "a"
        let bytes = Hex.decode(
            "00 85 a44e6f6465 a162 a55365714e6f 01 aa536f7572636541646472 a47f000001 aa536f757263654e6f6465 a161"
                + "aa536f75726365506f7274 cd1f0a"
        )
        #expect(ping.encoded() == bytes)
        #expect(try decoded(bytes) == .ping(ping))
    }

    @Test func aliveHasTheBytesOfMemberlist() throws {
        let alive = Alive(node: "a", incarnation: 1, address: Self.loopback, port: 7946)
        let bytes = Hex.decode(
            "04 86 a441646472 a47f000001 ab496e6361726e6174696f6e 01 a44d657461 c0 a44e6f6465 a161 a4506f7274 cd1f0a"
                + "a356736e a6010502000000"
        )
        #expect(alive.encoded() == bytes)
        #expect(try decoded(bytes) == .alive(alive))
    }

    @Test func everyMessageSurvivesEncoding() throws {
        var request = IndirectPing(
            sequence: 70_000,
            target: Self.loopback,
            port: 1,
            node: "target",
            wantsNack: true
        )
        request.sourcePort = 9
        var answer = Acknowledgement(sequence: 3)
        answer.payload = [1, 2, 3]
        let six = try #require(WireAddress([UInt8](0..<16)))
        let messages: [GossipMessage] = [
            .ping(Ping(sequence: .max, node: "")), .indirectPing(request), .acknowledgement(answer),
            .negativeAcknowledgement(NegativeAcknowledgement(sequence: 0)),
            .suspect(Suspect(node: "x", incarnation: 9, from: "y")), .dead(Dead(node: "x", incarnation: 9, from: "x")),
            .alive(
                Alive(node: "ü", incarnation: 2, address: six, port: 1, metadata: [UInt8](repeating: 5, count: 512))
            ),
            .alive(Alive(node: "old", incarnation: 2, address: six, port: 1, versions: nil)), .user([0, 1, 2]),
        ]
        for message in messages { #expect(try decoded(message.encoded()) == message) }
    }

    @Test func pushPullsSurviveEncoding() throws {
        let nodes = NodeState.allCases.map { state in
            PushPullNode(name: "n\(state)", address: Self.loopback, port: 1, incarnation: 300, state: state)
        }
        let many = (0..<300).map { PushPullNode(name: "\($0)", address: .none, port: 0, incarnation: 0, state: .dead) }
        for state in [
            PushPull(nodes: nodes, isJoin: true, userState: [9, 9]), PushPull(nodes: [], isJoin: false),
            PushPull(nodes: many, isJoin: false, userState: [UInt8](repeating: 1, count: 200)),
        ] {
            let bytes = StreamMessage.pushPull(state).encoded()
            #expect(try StreamMessage(bytes[...]) == .pushPull(state))
            for count in 0..<min(bytes.count, 300) {
                #expect(throws: WireError.truncated) { try StreamMessage(bytes.prefix(count)) }
            }
        }
    }

    @Test(arguments: [
        "0486a441646472a37f0000ab496e6361726e6174696f6e01a44d657461c0a44e6f6465a161a4506f7274cd1f0aa356736ec0",
        "0481a4506f7274ce00010000", "0481a44d657461da0201" + String(repeating: "00", count: 513),
        "0481a356736ea701050200000000", "0481a44e6f6465da0100" + String(repeating: "61", count: 256), "0405", "04",
    ])
    func invalidMessagesAreRefused(hex: String) {
        #expect(throws: WireError.self) { try decoded(Hex.decode(hex)) }
    }

    @Test(
        arguments: [
            ([127, 0, 0, 1], "127.0.0.1"), ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 9], "10.0.0.9"),
            ([0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "::1"),
            ([0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], "1:0:2:3:4:5:6:7"),
        ] as [([UInt8], String)]
    )
    func addressesAreWrittenInTheUsualForm(bytes: [UInt8], text: String) throws {
        let address = try #require(WireAddress(bytes))
        #expect(address.description == text)
        #expect(address.bytes == bytes)
    }

    @Test func bothFormsOfAnAddressAreOneHost() throws {
        let long = try #require(WireAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1]))
        #expect(long != Self.loopback)
        #expect(long.isSameHost(as: Self.loopback))
    }
}
