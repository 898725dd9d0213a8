import StellarTestKit
import Testing

@testable import StellarCore

@Suite struct GoDurationTests {
    /// Texts and nanoseconds; each also the text that Go writes for it.
    @Test(
        arguments: [
            ("0", 0, "0s"), ("0s", 0, "0s"), ("-0s", 0, "0s"), ("30s", 30_000_000_000, "30s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("250ms", 250_000_000, "250ms"), ("1.5h", 5_400_000_000_000, "1h30m0s"), ("+5s", 5_000_000_000, "5s"),
            ("-1.5s", -1_500_000_000, "-1.5s"), (".5s", 500_000_000, "500ms"), ("1.s", 1_000_000_000, "1s"),
            ("1us", 1_000, "1µs"), ("1µs", 1_000, "1µs"), ("1μs", 1_000, "1µs"),
            ("1.234567ms", 1_234_567, "1.234567ms"),
            ("999ns", 999, "999ns"), ("1h", 3_600_000_000_000, "1h0m0s"),
            ("72h3m0.5s", 259_380_500_000_000, "72h3m0.5s"),
            ("1m1h", 3_660_000_000_000, "1h1m0s"), ("0.000000001s", 1, "1ns"), ("0.0000000019s", 1, "1ns"),
            ("9223372036854775807ns", .max, "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", .min, "-2562047h47m16.854775808s"), ("0.1s0.1s", 200_000_000, "200ms"),
            ("100ns", 100, "100ns"), ("1500ns", 1500, "1.5µs"),
            ("1.0000000000000000000000000001s", 1_000_000_000, "1s"),
        ] as [(String, Int64, String)]
    )
    func table(text: String, nanoseconds: Int64, written: String) throws {
        let duration = try #require(GoDuration.parse(text))
        #expect(duration == .nanoseconds(nanoseconds))
        #expect(GoDuration.format(duration) == written)
        #expect(GoDuration.parse(written) == duration)
    }

    @Test(arguments: [
        "", "-", "+", "1", "s", ".", ".s", "1x", "1 s", " 1s", "1s ", "1.5", "--1s", "1..5s", "1.5.5s", "1S", "1d",
        "1e3s",
        "9223372036854775808ns", "2562048h", "-2562048h", "10000000000000000000000h", "0x1s", "1s\0", "١s",
        String(repeating: "1s", count: 33),
    ])
    func refused(text: String) {
        #expect(GoDuration.parse(text) == nil)
    }

    @Test(arguments: 0..<16)
    func roundTrip(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<500 {
            let bits = Int.random(in: 0...63, using: &random)
            let value = Int64.random(in: Int64.min...Int64.max, using: &random) >> bits
            #expect(GoDuration.parse(GoDuration.format(.nanoseconds(value))) == .nanoseconds(value))
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Array("0123456789.hmsuµn-+ ".utf8).randomElement(using: &random) ?? 0
            }
            _ = GoDuration.parse(String(decoding: bytes, as: UTF8.self))
        }
    }
}

@Suite struct HumanSizeTests {
    @Test(
        arguments: [
            (0, "0 B"), (9, "9 B"), (10, "10 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"),
            (9949, "9.9 kB"), (9950, "10 kB"), (10_499, "10 kB"), (10_500, "11 kB"), (999_499, "999 kB"),
            (999_500, "1000 kB"),
            (952_000_000, "952 MB"), (1_000_000_000, "1.0 GB"), (16_384_000_000, "16 GB"), (82_854_982, "83 MB"),
            (1_500_000_000_000, "1.5 TB"), (2_000_000_000_000_000, "2.0 PB"), (.max, "18 EB"),
        ] as [(UInt64, String)]
    )
    func table(bytes: UInt64, text: String) {
        #expect(HumanSize.format(bytes) == text)
    }

    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("1B", 1), ("1kB", 1000), ("1KB", 1000), ("1 KiB", 1024), ("1.5MiB", 1_572_864),
            ("2TB", 2_000_000_000_000),
            ("1TiB", 1 << 40), ("0.5kb", 500), ("9223372036854775807", UInt64(Int64.max)), ("1.000MB", 1_000_000),
        ] as [(String, UInt64)]
    )
    func parsed(text: String, bytes: UInt64) throws {
        #expect(try HumanSize.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "MB", "1M", "1m", "1gi", "-1MB", "1.2.3MB", "1e3", "0.5", "0.0001kB", "9223372036854775808", "8388608TiB",
        "1 M B", "½GB",
    ])
    func refused(text: String) {
        #expect(throws: HumanSize.ParseError.self) { try HumanSize.parse(text) }
    }
}

@Suite struct RelativeTimeTests {
    private static let day = 86_400
    static let rows: [(Int, String)] = [
        (-5, "now"), (0, "now"), (1, "1 second"), (2, "2 seconds"), (59, "59 seconds"), (60, "1 minute"),
        (119, "1 minute"), (120, "2 minutes"), (3599, "59 minutes"), (3600, "1 hour"), (7199, "1 hour"),
        (7200, "2 hours"), (day - 1, "23 hours"), (day, "1 day"), (2 * day - 1, "1 day"), (2 * day, "2 days"),
        (7 * day - 1, "6 days"), (7 * day, "1 week"), (14 * day, "2 weeks"), (30 * day - 1, "4 weeks"),
        (30 * day, "1 month"), (60 * day, "2 months"), (360 * day - 1, "11 months"), (360 * day, "1 year"),
        (720 * day - 1, "1 year"), (720 * day, "2 years"),
    ]

    @Test(arguments: rows)
    func table(seconds: Int, text: String) {
        #expect(RelativeTime.format(.seconds(seconds)) == text)
    }

    @Test func fractionsAreCut() {
        #expect(RelativeTime.format(.milliseconds(999)) == "now")
        #expect(RelativeTime.format(.milliseconds(1999)) == "1 second")
    }
}
