/// An exact decimal number of JSON's grammar: `0.1` is a tenth, and not the nearest double.
///
/// It refuses numbers that are larger or finer than any field of an app file, so `1e999999999` costs nothing.
package struct ExactDecimal: Sendable, Hashable {
    /// The number is `significand` × 10^-`scale`, negated where `negative`.
    let significand: UInt64
    let scale: Int
    /// Whether the text began with `-`.
    package let negative: Bool

    /// The largest exponent: no field of an app file needs a larger one.
    private static let maximumExponent = 40

    /// Reads `-12.50`, `3e8`; nil for other text and for more than 19 significant digits.
    package init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        negative = rest.first == UInt8(ascii: "-")
        if negative { rest.removeFirst() }
        var digits: [UInt8] = []
        var scale = 0
        var sawPoint = false
        var sawDigit = false
        while let byte = rest.first {
            if byte == UInt8(ascii: "."), !sawPoint, sawDigit {
                sawPoint = true
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                sawDigit = true
                digits.append(byte - UInt8(ascii: "0"))
                if sawPoint { scale += 1 }
            } else {
                break
            }
            rest.removeFirst()
        }
        guard sawDigit else { return nil }
        if let byte = rest.first {
            let exponentText = String(decoding: rest.dropFirst(), as: UTF8.self)
            guard byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E"), let exponent = Int(exponentText),
                abs(exponent) <= Self.maximumExponent
            else { return nil }
            scale -= exponent
        }
        while digits.last == 0, digits.count > 1, scale > 0 {
            digits.removeLast()
            scale -= 1
        }
        var value: UInt64 = 0
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        significand = value
        self.scale = value == 0 ? 0 : scale
    }

    /// The number times the factor; nil unless that is a whole number from 0 to 2^63 - 1.
    package func integer(times factor: UInt64 = 1) -> UInt64? {
        guard !negative || significand == 0 else { return nil }
        var value = UInt128(significand) * UInt128(factor)
        for _ in 0..<abs(scale) {
            if scale > 0 {
                guard value % 10 == 0 else { return nil }
                value /= 10
            } else {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                guard !overflow else { return nil }
                value = product
            }
        }
        return value <= UInt128(Int64.max) ? UInt64(value) : nil
    }

    /// Whether it is a whole number (of any sign).
    package var isWhole: Bool {
        var value = significand
        for _ in 0..<max(0, scale) {
            guard value % 10 == 0 else { return false }
            value /= 10
        }
        return true
    }
}
