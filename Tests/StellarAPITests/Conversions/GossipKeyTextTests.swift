import StellarAPI
import Testing

@Suite struct GossipKeyTextTests {
    @Test(arguments: [16, 24, 32])
    func everySizeInBothForms(_ size: Int) throws {
        let key = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
        let digits = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(try GossipKeyText.read(digits) == key)
        #expect(try GossipKeyText.read(digits.uppercased()) == key)
        #expect(try GossipKeyText.read(" \(GossipKeyText.base64(key))\n") == key)
    }

    @Test(
        arguments: [
            ("", .notAKey), (" ", .notAKey), ("/etc/stellar.key", .notAKey), ("0123", .wrongSize(2)),
            ("c2hvcnQ=", .wrongSize(5)), ("\u{0}", .notAKey),
        ] as [(String, GossipKeyText.Problem)]
    )
    func problemsDoNotShowTheText(_ text: String, _ problem: GossipKeyText.Problem) {
        #expect(throws: problem) { try GossipKeyText.read(text) }
        #expect(!"\(problem)".contains("c2hvcnQ"))
    }
}
