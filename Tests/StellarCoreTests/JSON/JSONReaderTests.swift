import StellarTestKit
import Testing

@testable import StellarCore

@Suite struct JSONReaderTests {
    static func read(_ text: String) throws -> JSONNode {
        try JSONReader.read(Array(text.utf8), maximumSize: 1 << 20)
    }

    @Test func nodesHaveTheOffsetsOfTheirText() throws {
        let node = try Self.read(#" {"a": [1, -2.5e+3, "x"], "a": null}"#)
        guard case .object(let members) = node.value else {
            Issue.record("no object")
            return
        }
        #expect(members.map(\.name) == ["a", "a"])
        #expect(members.map(\.offset) == [2, 26])
        #expect(members[0].node.offset == 7)
        guard case .array(let elements) = members[0].node.value else {
            Issue.record("no array")
            return
        }
        #expect(elements.map(\.value) == [.number("1"), .number("-2.5e+3"), .string("x")])
        #expect(elements.map(\.offset) == [8, 11, 20])
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e4\u20ac""#, "ä€"), (#""\ud83d\ude00""#, "😀"),
        (#""ä€😀""#, "ä€😀"), (#""\u0000""#, "\0"), (#""\uD83D\uDE00x""#, "😀x"),
    ])
    func strings(text: String, value: String) throws {
        #expect(try Self.read(text).value == .string(value))
    }

    @Test(arguments: [
        "-", "+1", ".5", "1.", "1e", "1e+", "00", "-01", "0x10", "NaN", "Infinity", "[1,]", "{\"a\":1,}", "{a:1}",
        "[1 2]",
        "\"\\ud83dx\"", "\"\\ud83d\\u0041\"", "\"\\udc00\"", "\"\u{1}\"", "\"\\u+123\"", "nul", "[", "\"", "{\"a\"",
        "]", ",",
        "/**/1", "1 1", "\u{FEFF}\u{FEFF}1",
    ])
    func refused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try Self.read(text) }
    }

    @Test func nestingHasALimit() throws {
        let fine = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try Self.read(fine)
        #expect(throws: JSONSyntaxError.self) { try Self.read("[" + fine + "]") }
        // Lists side by side are not nested.
        _ = try Self.read("[" + Array(repeating: "[]", count: 1000).joined(separator: ",") + "]")
    }

    /// Random bytes give a node or an error, and a written node reads as the same node.
    @Test(arguments: 0..<64)
    func randomBytes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet =
            Array("{}[]\",:\\/ \n0123456789.eE+-truefalsn\u{FC}ud8dc".utf8) + [
                0, 0x1F, 0x80, 0xC3, 0xFF, 0xEF, 0xBB, 0xBF,
            ]
        for _ in 0..<400 {
            let length = Int.random(in: 0...60, using: &random)
            let bytes: [UInt8] = (0..<length).map { _ in
                Bool.random(using: &random)
                    ? alphabet.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
            }
            Self.check(bytes)
        }
    }

    /// Almost valid documents: a file with bytes changed, removed and repeated.
    @Test(arguments: 0..<32)
    func mutatedFiles(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let original = Array(AppFileTests.full.utf8)
        for _ in 0..<40 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...9, using: &random)))
                default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 9)], at: index)
                }
            }
            Self.check(bytes)
            if let app = try? AppFile.parse(bytes) {
                #expect((try? AppFile.parse(AppFile.encode(app))) == app)
            }
        }
    }

    static func check(_ bytes: [UInt8]) {
        guard let node = try? JSONReader.read(bytes, maximumSize: 1 << 20) else { return }
        for indented in [true, false] {
            let again = try? JSONReader.read(Array(node.text(indented: indented).utf8), maximumSize: 1 << 20)
            #expect(again?.numbered() == node.numbered(), "\(bytes)")
        }
    }
}
