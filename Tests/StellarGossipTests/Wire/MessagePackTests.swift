import StellarTestKit
import Testing

@testable import StellarGossip

struct MessagePackTests {
    private func written(_ body: (inout MessagePackWriter) -> Void) -> [UInt8] {
        var writer = MessagePackWriter()
        body(&writer)
        return writer.bytes
    }

    @Test func unsignedNumbersAreAsShortAsPossible() {
        #expect(written { $0.unsigned(UInt32(127)) } == [0x7F])
        #expect(written { $0.unsigned(UInt32(128)) } == [0xCC, 0x80])
        #expect(written { $0.unsigned(UInt32(256)) } == [0xCD, 0x01, 0x00])
        #expect(written { $0.unsigned(UInt32(65_536)) } == [0xCE, 0x00, 0x01, 0x00, 0x00])
    }

    /// go-msgpack 2 writes a Go `int` of 200 so, the one before it as `cc c8`.
    @Test func signedNumbersHaveSignedTypes() {
        #expect(written { $0.signed(100) } == [0x64])
        #expect(written { $0.signed(200) } == [0xD1, 0x00, 0xC8])
        #expect(written { $0.signed(70_000) } == [0xD2, 0x00, 0x01, 0x11, 0x70])
    }

    @Test func stringsAreOldRaw() {
        #expect(written { $0.string("ab") } == [0xA2, 0x61, 0x62])
        let long = String(repeating: "x", count: 40)
        #expect(written { $0.string(long) }.prefix(3) == [0xDA, 0x00, 0x28])
        #expect(written { $0.byteArray([UInt8]()) } == [0xC0])
        #expect(written { $0.string("") } == [0xA0])
    }

    @Test(
        arguments: [
            ([0xC8, 0x00], nil), ([0x05], 5), ([0xCC, 0xC8], 200), ([0xD1, 0x00, 0xC8], 200), ([0xD0, 0x7F], 127),
            ([0xD0, 0x80], nil), ([0xFF], nil), ([0xCE, 0xFF, 0xFF, 0xFF, 0xFF], 0xFFFF_FFFF), ([0xC0], 0),
            ([0xCF, 0, 0, 0, 1, 0, 0, 0, 0], nil), ([0xA1, 0x31], nil), ([], nil), ([0xCE, 0x01], nil),
        ] as [([UInt8], UInt32?)]
    )
    func numbersOfEveryTypeAreDecoded(bytes: [UInt8], value: UInt32?) {
        var reader = MessagePackReader(bytes)
        #expect((try? reader.uint32()) == value)
    }

    @Test(
        arguments: [
            [0xA2, 0x68, 0x69], [0xD9, 0x02, 0x68, 0x69], [0xDA, 0x00, 0x02, 0x68, 0x69], [0xC4, 0x02, 0x68, 0x69],
            [0xDB, 0, 0, 0, 2, 0x68, 0x69], [0xC5, 0x00, 0x02, 0x68, 0x69], [0xC6, 0, 0, 0, 2, 0x68, 0x69],
            [0x92, 0x68, 0x69],
        ] as [[UInt8]]
    )
    func bytesOfEveryTypeAreDecoded(bytes: [UInt8]) throws {
        var reader = MessagePackReader(bytes)
        #expect(try reader.byteArray(maximum: 10) == [0x68, 0x69])
        #expect(reader.remaining == 0)
    }

    @Test func unknownFieldsAreSkipped() throws {
        // {"New": {"a": [1, "x", nil]}, "SeqNo": 7, "Longer than any of ours": 1.5}
        let bytes: [UInt8] =
            [0x83, 0xA3, 0x4E, 0x65, 0x77, 0x81, 0xA1, 0x61, 0x93, 0x01, 0xA1, 0x78, 0xC0]
            + [0xA5, 0x53, 0x65, 0x71, 0x4E, 0x6F, 0x07]
            + [0xB7] + Array("Longer than any of ours".utf8) + [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]
        var reader = MessagePackReader(bytes)
        #expect(try NegativeAcknowledgement(from: &reader).sequence == 7)
        #expect(reader.remaining == 0)
    }

    /// A count of four thousand million costs neither memory nor time.
    @Test(
        arguments: [
            [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x81, 0xA1, 0x61, 0xDD, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x81, 0xA1, 0x61, 0xDB, 0xFF, 0xFF, 0xFF, 0xFF], [0x81, 0xA1, 0x61, 0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ] as [[UInt8]]
    )
    func falseLengthsAreRefused(bytes: [UInt8]) {
        var reader = MessagePackReader(bytes)
        #expect(throws: WireError.truncated) { try Acknowledgement(from: &reader) }
    }

    @Test func nestingIsBounded() {
        let deep = [0x81, 0xA1, 0x61] + [UInt8](repeating: 0x91, count: 100_000) + [0x01]
        var reader = MessagePackReader(deep)
        #expect(throws: WireError.tooDeep) { try Acknowledgement(from: &reader) }
    }

    @Test func randomBytesAreDecodedOrRefused() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...40, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            var reader = MessagePackReader([0x82, 0xA5] + Array("SeqNo".utf8) + bytes)
            _ = try? Ping(from: &reader)
            #expect(reader.remaining >= 0)
        }
    }
}
