import FoundationEssentials
import Testing

@testable import StellarCore

/// The coded forms of values: addresses, ids and labels are coded as the texts that people write.
@Suite struct CodedFormsTests {
    static func coded(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decoded<Value: Decodable>(_ text: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    static func expect<Value: Codable & Equatable>(_ value: Value, _ text: String) throws {
        #expect(try coded(value) == text)
        #expect(try decoded(text, as: Value.self) == value)
    }

    @Test func valuesAreCodedAsText() throws {
        try Self.expect(IPv4Address(172, 16, 0, 1), #""172.16.0.1""#)
        try Self.expect(IPv4Subnet.parse("172.16.0.0/12"), #""172.16.0.0/12""#)
        let slot = ContainerID(app: "a", service: "b", replica: 0)
        try Self.expect(slot, #""a.b.0""#)
        try Self.expect(["z": "1", "a": "2"] as Labels, #"{"a":"2","z":"1"}"#)
        var assignment = Assignment()
        assignment[slot] = "ctr-00"
        try Self.expect(assignment, #"{"a.b.0":"ctr-00"}"#)
        #expect(assignment.count == 1 && !assignment.isEmpty)
    }

    @Test func otherTextIsRefused() {
        #expect(throws: DecodingError.self) { try Self.decoded(#""172.16.0""#, as: IPv4Address.self) }
        #expect(throws: DecodingError.self) { try Self.decoded(#""172.16.0.1/12""#, as: IPv4Subnet.self) }
        #expect(throws: DecodingError.self) { try Self.decoded(#""a.b""#, as: ContainerID.self) }
        #expect(throws: DecodingError.self) { try Self.decoded(#"{"a.b":"n"}"#, as: Assignment.self) }
    }
}
