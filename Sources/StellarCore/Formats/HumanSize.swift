/// Sizes in bytes as people read and write them: `952 MB`, `256MiB`.
package enum HumanSize {
    private static let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

    /// The size in base 1000, as in the MEMORY column: `952 MB`, `1.0 GB`. It has one decimal below 10, else none, and
    /// none below 10 bytes: `9 B`. As in the original, the unit is chosen before rounding, so just below a unit it is
    /// `1000 MB`.
    package static func format(_ bytes: UInt64) -> String {
        guard bytes >= 10 else { return "\(bytes) B" }
        var unit = 0
        var divisor: UInt64 = 1
        while unit < units.count - 1, bytes / divisor >= 1000 {
            divisor *= 1000
            unit += 1
        }
        // Tenths, rounded half up.
        let (quotient, remainder) = bytes.quotientAndRemainder(dividingBy: divisor)
        let tenths = quotient * 10 + (divisor == 1 ? 0 : (remainder * 10 + divisor / 2) / divisor)
        if tenths < 100 { return "\(tenths / 10).\(tenths % 10) \(units[unit])" }
        let whole = quotient + (remainder >= (divisor + 1) / 2 && divisor > 1 ? 1 : 0)
        return "\(whole) \(units[unit])"
    }

    /// A text that is not a size.
    package struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The message: the text, what is wrong with it, and an example or the fix.
        package let description: String
    }

    /// Reads `1048576`, `256MB`, `1GiB`, `1.5 GB`: a number and a unit, `B`, `kB` `MB` `GB` `TB` (1000) or `KiB` `MiB`
    /// `GiB` `TiB` (1024), in any case. Refuses a bare `M`, which is 1000 in some programs and 1024 in others.
    ///
    /// - Throws: ``ParseError`` if the text is not a size.
    package static func parse(_ text: String) throws(ParseError) -> UInt64 {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
        let wrong = "\(quoted(text)) is not a size such as \"256MB\" or \"1GiB\""
        guard let factor = factors[unit] else {
            if ["k", "m", "g", "t", "ki", "mi", "gi", "ti"].contains(unit), !number.isEmpty {
                let letter = unit.prefix(1).uppercased()
                throw ParseError(
                    description: "the unit of \(quoted(text)) is ambiguous; write \"\(number)\(letter)B\" (1000) or "
                        + "\"\(number)\(letter)iB\" (1024)"
                )
            }
            throw ParseError(description: wrong)
        }
        guard let value = ExactDecimal(String(number)) else { throw ParseError(description: wrong) }
        guard let bytes = value.integer(times: factor) else {
            throw ParseError(description: "\(quoted(text)) is not a whole number of bytes below 2^63")
        }
        return bytes
    }

    private static let factors: [String: UInt64] = [
        "": 1, "b": 1,
        "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
        "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]
}
