import Testing

@testable import StellarStore

struct StoreWireTests {
    private static let entries = [
        StoreEntry(StoreKey("b", "one"), Array("value".utf8), stamp: StoreStamp(rawValue: 11), origin: "n1"),
        StoreEntry(StoreKey("b", "two"), nil, stamp: StoreStamp(rawValue: 12), origin: "n1"),
        StoreEntry(StoreKey("other", "two"), [], stamp: StoreStamp(rawValue: 300_000), origin: "n1"),
    ]

    private static let foreign = StoreEntry(
        StoreKey("other", "é"),
        [UInt8](repeating: 7, count: 3000),
        stamp: StoreStamp(rawValue: .max),
        origin: "n2"
    )

    private static let run = StoreRun(
        origin: "n1",
        previous: StoreStamp(rawValue: 10),
        upTo: StoreStamp(rawValue: 300_001),
        entries: entries
    )

    private static let vector = VersionVector(["n1": StoreStamp(rawValue: 12), "n2": StoreStamp(rawValue: .max)])

    private static let messages: [StoreMessage] = [
        .fresh(run), .learnt(entries + [foreign]), .learnt([]), .notice(holder: "n3", vector),
        .probe(
            StoreProbe(node: "n1", vector: 1, living: .max, tombstones: 2, floor: StoreStamp(rawValue: 3))
        ),
        .seen(StoreSeen(node: "n1", life: .max, number: 200, upTo: .latest, own: .zero)),
    ]

    private static let exchangeMessages: [StoreExchangeMessage] = [
        .hello(
            StoreExchangeMessage.Hello(
                node: "n1",
                isFull: true,
                vector: vector,
                purged: VersionVector(),
                members: [StoreMember(name: "n2", lostSince: nil), StoreMember(name: "n3", lostSince: 17)]
            )
        ), .entries(entries + [foreign]), .end(5), .done(.max),
    ]

    @Test func messagesRoundTrip() throws {
        for message in Self.messages { #expect(try StoreMessage(message.encoded()) == message) }
        for message in Self.exchangeMessages { #expect(try StoreExchangeMessage(message.encoded()) == message) }
    }

    @Test func truncatedMessagesAreRejected() {
        for bytes in Self.messages.map({ $0.encoded() }) {
            for count in bytes.indices {
                #expect(throws: StoreWireError.self) { try StoreMessage(bytes.prefix(count)) }
            }
            #expect(throws: StoreWireError.self) { try StoreMessage(bytes + [0]) }
        }
        for bytes in Self.exchangeMessages.map({ $0.encoded() }) {
            for count in bytes.indices.prefix(100) {
                #expect(throws: StoreWireError.self) { try StoreExchangeMessage(bytes.prefix(count)) }
            }
            #expect(throws: StoreWireError.self) { try StoreExchangeMessage(bytes + [0]) }
        }
    }

    /// Pins the bytes of a message, so that no change is accidental.
    @Test func theFormat() throws {
        let run = StoreRun(
            origin: "n1",
            previous: StoreStamp(rawValue: 10),
            upTo: StoreStamp(rawValue: 12),
            entries: Array(Self.entries.prefix(2))
        )
        let expected: [UInt8] =
            [0xA1, 2] + Array("n1".utf8) + [0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 12, 2]
            + [4, 1] + Array("b".utf8) + [3] + Array("one".utf8) + [0, 0, 0, 0, 0, 0, 0, 11, 5] + Array("value".utf8)
            + [7, 3] + Array("two".utf8) + [0, 0, 0, 0, 0, 0, 0, 12]
        #expect(StoreMessage.fresh(run).encoded() == expected)
    }

    @Test func runsAreValidated() {
        func refused(_ change: (inout StoreRun) -> Void) {
            var run = Self.run
            change(&run)
            #expect(throws: StoreWireError.self) { try StoreMessage(StoreMessage.fresh(run).encoded()) }
        }
        refused { $0.previous = $0.upTo }
        refused { $0.previous = StoreStamp(rawValue: 11) }
        refused { $0.upTo = StoreStamp(rawValue: 299_999) }
        refused { $0.entries.append(Self.foreign) }
        refused { $0.origin = "" }
    }

    @Test func impossibleLengthsAreRejected() {
        // A count of two to the 40 entries, in a few bytes.
        let many: [UInt8] = [0xA2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0]
        #expect(throws: StoreWireError.truncated) { try StoreMessage(many) }
        #expect(throws: StoreWireError.outOfRange) { try StoreMessage([0xA2] + [UInt8](repeating: 0xFF, count: 12)) }
        #expect(throws: StoreWireError.unknownType(8)) { try StoreMessage([8]) }
        #expect(throws: StoreWireError.unknownType(9)) { try StoreExchangeMessage([9]) }
        let huge = StoreEntry(
            StoreKey("b", "k"),
            [UInt8](repeating: 0, count: StoreLimits.value + 1),
            stamp: StoreStamp(rawValue: 1),
            origin: "a"
        )
        #expect(throws: StoreWireError.tooLarge) { try StoreMessage(StoreMessage.learnt([huge]).encoded()) }
        #expect(throws: StoreWireError.tooLarge) {
            try StoreExchangeMessage([UInt8](repeating: 2, count: StoreLimits.exchangeMessage + 1))
        }
    }
}
