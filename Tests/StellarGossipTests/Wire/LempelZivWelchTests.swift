import StellarTestKit
import Testing

@testable import StellarGossip

struct LempelZivWelchTests {
    /// The output of Go's compress/lzw (LSB, eight bits).
    @Test(arguments: [
        ("", "000302"), ("a", "00c30404"), ("aaaa", "00c3080c1310"), ("abababab", "00c3881148504c40"),
    ])
    func outputIsThatOfGo(text: String, hex: String) throws {
        #expect(Hex.encode(LempelZivWelch.compress(text.utf8)) == hex)
        #expect(try LempelZivWelch.decompress(Hex.decode(hex)[...], limit: 100) == Array(text.utf8))
    }

    /// Alphabets from one letter to all, and lengths that fill the table several times.
    @Test func decompressionRestoresTheInput() throws {
        var random = SplitMix64(seed: 3)
        for length in [1, 2, 3, 255, 256, 257, 511, 512, 1400, 3837, 3838, 3839, 9000, 60_000] {
            for letters in [1, 2, 16, 256] {
                let bytes = (0..<length).map { _ in UInt8(Int.random(in: 0..<letters, using: &random)) }
                let compressed = LempelZivWelch.compress(bytes)
                #expect(
                    try LempelZivWelch.decompress(compressed[...], limit: length) == bytes,
                    "\(length) of \(letters)"
                )
            }
        }
    }

    @Test func outputLimitIsExact() throws {
        let compressed = LempelZivWelch.compress([UInt8](repeating: 7, count: 100_000))
        #expect(compressed.count < 1000)
        #expect(try LempelZivWelch.decompress(compressed[...], limit: 100_000).count == 100_000)
        #expect(throws: WireError.tooLarge) { try LempelZivWelch.decompress(compressed[...], limit: 99_999) }
    }

    @Test func randomBytesAreDecompressedOrRefused() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...200, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let result = try? LempelZivWelch.decompress(bytes[...], limit: 5000)
            #expect((result?.count ?? 0) <= 5000)
        }
    }

    @Test func truncatedInputIsRefused() {
        let compressed = LempelZivWelch.compress("to be or not to be, that is the question".utf8)
        for count in 0..<compressed.count - 1 {
            #expect(throws: WireError.truncated) {
                try LempelZivWelch.decompress(compressed.prefix(count), limit: 1000)
            }
        }
    }
}
