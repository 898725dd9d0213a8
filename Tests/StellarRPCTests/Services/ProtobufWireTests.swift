import NIOCore
import StellarRPC
import Testing

@Suite struct ProtobufWireTests {
    private func fields(_ bytes: [UInt8]) throws(ProtobufReader.Malformed) -> [ProtobufReader.Field] {
        var reader = ProtobufReader(ByteBuffer(bytes: bytes))
        var fields: [ProtobufReader.Field] = []
        while let field = try reader.next() { fields.append(field) }
        return fields
    }

    private func malformed(_ bytes: [UInt8]) -> String {
        do throws(ProtobufReader.Malformed) {
            return "\(try fields(bytes))"
        } catch {
            return error.description
        }
    }

    @Test func readsEveryWireType() throws {
        let bytes: [UInt8] =
            [0x08, 0x96, 0x01]  // 1: varint 150, the example of the encoding guide
            + [0x12, 0x02, 0x68, 0x69]  // 2: "hi"
            + [0x1d, 1, 0, 0, 0]  // 3: fixed32
            + [0x21, 1, 0, 0, 0, 0, 0, 0, 0x80]  // 4: fixed64
            + [0x2b, 0x08, 0x01, 0x33, 0x34, 0x2c]  // 5: a group with a varint and an empty group 6
        let read = try fields(bytes)
        #expect(read.map(\.number) == [1, 2, 3, 4, 5])
        #expect(read.map(\.value)[0] == .varint(150))
        #expect(try read[1].string() == "hi")
        #expect(read.map(\.value)[2...] == [.fixed32(1), .fixed64(0x8000_0000_0000_0001), .group])
    }

    @Test func refusesWhatIsNotProtobuf() {
        #expect(malformed([0x80]) == "a tag is cut")
        #expect(malformed([0x00, 1]) == "field number 0")
        #expect(malformed([0x08]) == "field 1 is cut")
        #expect(malformed([0x08, 0x80]) == "field 1 is cut")
        #expect(
            malformed([0x08] + Array(repeating: 0xff, count: 9) + [2]) == "field 1 is a number of more than 64 bits"
        )
        #expect(malformed([0x08] + Array(repeating: 0x80, count: 12)) == "field 1 is a number of more than 64 bits")
        #expect(malformed([0x12, 3, 1, 2]) == "field 2 has a length of 3 bytes, but 2 are left")
        #expect(
            malformed([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0])
                == "field 2 has a length of 18446744073709551615 bytes, but 1 are left"
        )
        #expect(malformed([0x1d, 1, 2, 3]) == "field 3 is cut")
        #expect(malformed([0x21, 1, 2, 3, 4, 5, 6, 7]) == "field 4 is cut")
        #expect(malformed([0x0e, 1]) == "field 1 has wire type 6, which does not exist")
        #expect(malformed([0x0f, 1]) == "field 1 has wire type 7, which does not exist")
        #expect(malformed([0x0c]) == "field 1: the end of a group without its start")
        #expect(malformed([0x0b]) == "field 1 is cut")
        #expect(malformed([0x0b, 0x14]) == "group 1 ends as 2")
        #expect(malformed(Array(repeating: 0x0b, count: 1_000_000)) == "groups nested too deep")
        #expect(malformed([0xff, 0xff, 0xff, 0xff, 0x7f, 1]) == "field number 4294967295")
    }

    @Test func largestNumbers() throws {
        let read = try fields([0x08] + Array(repeating: 0xff, count: 9) + [1] + [0xf8, 0xff, 0xff, 0xff, 0x0f, 0])
        #expect(read[0].value == .varint(.max))
        #expect(read[1].number == 536_870_911)
    }

    @Test func wrongTypesAreErrors() throws {
        let read = try fields([0x08, 1, 0x12, 2, 0xc3, 0x28])
        #expect(throws: ProtobufReader.Malformed.self) { try read[0].string() }
        #expect(throws: ProtobufReader.Malformed.self) { try read[1].int32() }
        #expect(throws: ProtobufReader.Malformed.self) { try read[1].string() }
    }

    @Test func writesWhatItReads() throws {
        var writer = ProtobufWriter()
        writer.write(Int32(-1), field: 1)
        writer.write(Int32(0), field: 2)
        writer.write("", field: 3)
        writer.write("", field: 4, always: true)
        writer.write(String(repeating: "ü", count: 100), field: 16)
        writer.write([1, -1, 300], field: 17)
        let read = try fields(Array(writer.message.readableBytesView))
        #expect(read.map(\.number) == [1, 4, 16, 17])
        #expect(try read[0].int32() == -1)
        #expect(try read[1].string() == "")
        #expect(try read[2].string() == String(repeating: "ü", count: 100))
        #expect(try read[3].bytes() == ByteBuffer(bytes: [1] + Array(repeating: 0xff, count: 9) + [1, 0xac, 2]))
    }
}
