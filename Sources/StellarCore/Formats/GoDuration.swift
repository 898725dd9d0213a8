/// Durations as text in the form of Go's time package: `1m30s`, `250ms`, `1.5h`.
///
/// App files, configuration and tables use it. Syntax: time.ParseDuration and Duration.String in Go's documentation.
package enum GoDuration {
    /// The most bytes of a text: every duration has a far shorter one.
    package static let maximumTextLength = 64

    /// Reads a duration: an optional sign, then numbers with a unit each (`ns`, `us` or `µs`, `ms`, `s`, `m`, `h`),
    /// each with an optional fraction, or just `0`. Cuts digits below a nanosecond. nil for any other text, and for
    /// durations beyond Go's 64 bits of nanoseconds (292 years).
    package static func parse(_ text: String) -> Duration? {
        guard text.utf8.count <= maximumTextLength else { return nil }
        var rest = Array(text.utf8)[...]
        var negative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            negative = sign == UInt8(ascii: "-")
            rest.removeFirst()
        }
        if rest.elementsEqual("0".utf8) { return .zero }
        guard !rest.isEmpty else { return nil }
        var total: Int128 = 0
        while !rest.isEmpty {
            guard let part = component(&rest) else { return nil }
            total += part
        }
        guard let nanoseconds = Int64(exactly: negative ? -total : total) else { return nil }
        return .nanoseconds(nanoseconds)
    }

    /// Takes one number with its unit, in nanoseconds. Nothing overflows: a whole part beyond 64 bits is refused, and
    /// 64 bits times the nanoseconds of an hour fit 128 bits.
    private static func component(_ rest: inout ArraySlice<UInt8>) -> Int128? {
        let whole = takeDigits(&rest)
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = takeDigits(&rest)
        }
        guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
        let unitBytes = rest.prefix { $0 != UInt8(ascii: ".") && !isDigit($0) }
        rest = rest.dropFirst(unitBytes.count)
        guard let unit = nanoseconds(unit: String(decoding: unitBytes, as: UTF8.self)) else { return nil }
        var value: Int128 = 0
        for digit in whole {
            value = value * 10 + Int128(digit - UInt8(ascii: "0"))
            if value > Int128(Int64.max) + 1 { return nil }  // one more below zero than above
        }
        var numerator: Int128 = 0
        var denominator: Int128 = 1
        for digit in fraction.prefix(18) {  // 18 digits of the largest unit, an hour, are far below a nanosecond
            numerator = numerator * 10 + Int128(digit - UInt8(ascii: "0"))
            denominator *= 10
        }
        return value * unit + numerator * unit / denominator
    }

    private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = rest.prefix(while: isDigit)
        rest = rest.dropFirst(digits.count)
        return digits
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func nanoseconds(unit: String) -> Int128? {
        switch unit {
        case "ns": 1
        case "us", "µs", "μs": 1_000  // the micro sign and the Greek letter
        case "ms": 1_000_000
        case "s": 1_000_000_000
        case "m": 60_000_000_000
        case "h": 3_600_000_000_000
        default: nil
        }
    }

    /// The duration as Go writes it: `1m30s`, `250ms`, `1.234567ms`, `72h0m0.5s`, `0s`. A duration beyond Go's range is
    /// written as Go's longest.
    package static func format(_ duration: Duration) -> String {
        let nanoseconds = nanoseconds(of: duration)
        let sign = nanoseconds < 0 ? "-" : ""
        let value = nanoseconds.magnitude
        switch value {
        case 0: return "0s"
        case ..<1_000: return "\(sign)\(value)ns"
        case ..<1_000_000: return sign + decimal(value, unit: 1_000) + "µs"
        case ..<1_000_000_000: return sign + decimal(value, unit: 1_000_000) + "ms"
        default:
            let minutes = value / 60_000_000_000
            var out = sign
            if minutes >= 60 { out += "\(minutes / 60)h" }
            if minutes > 0 { out += "\(minutes % 60)m" }
            return out + decimal(value % 60_000_000_000, unit: 1_000_000_000) + "s"
        }
    }

    /// The duration in nanoseconds, clamped to 64 bits.
    package static func nanoseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let exact = Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000)
        return Int64(clamping: exact)
    }

    private static func decimal(_ value: UInt64, unit: UInt64) -> String {
        var fraction = value % unit
        guard fraction != 0 else { return "\(value / unit)" }
        var digits = String(unit).count - 1
        while fraction % 10 == 0 {
            fraction /= 10
            digits -= 1
        }
        let text = String(fraction)
        return "\(value / unit)." + String(repeating: "0", count: digits - text.count) + text
    }
}
