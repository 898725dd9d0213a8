/// The `grpc-timeout` header: at most 8 digits and a unit ("Timeout" in gRPC's PROTOCOL-HTTP2).
package enum GRPCTimeout {
    private static let maxValue: Int64 = 99_999_999
    private static let units: [(symbol: UInt8, nanoseconds: Int64)] = [
        (UInt8(ascii: "n"), 1), (UInt8(ascii: "u"), 1_000), (UInt8(ascii: "m"), 1_000_000),
        (UInt8(ascii: "S"), 1_000_000_000), (UInt8(ascii: "M"), 60_000_000_000), (UInt8(ascii: "H"), 3_600_000_000_000),
    ]

    /// - Returns: nil if the text is not a timeout.
    package static func parse(_ text: String) -> Duration? {
        let bytes = Array(text.utf8)
        guard (2...9).contains(bytes.count), let symbol = bytes.last,
            let unit = units.first(where: { $0.symbol == symbol })
        else { return nil }
        var value: Int64 = 0
        for byte in bytes.dropLast() {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: unit.nanoseconds)
        // 8 digits of hours are 11 000 years: they overflow as nanoseconds, and fit as seconds.
        return overflow ? .seconds(value * (unit.nanoseconds / 1_000_000_000)) : .nanoseconds(nanoseconds)
    }

    /// The timeout in the finest unit that fits, rounded up so that the peer never ends the call first. A negative one is `0n`.
    package static func format(_ timeout: Duration) -> String {
        let (seconds, attoseconds) = timeout.components
        guard seconds > 0 || attoseconds > 0 else { return "0n" }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if !overflow {
            let (nanoseconds, overflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
            if !overflow {
                for unit in units {
                    let value = nanoseconds / unit.nanoseconds + (nanoseconds % unit.nanoseconds == 0 ? 0 : 1)
                    if value <= maxValue { return "\(max(1, value))\(Character(UnicodeScalar(unit.symbol)))" }
                }
            }
        }
        return "\(min(maxValue, seconds / 3600))H"
    }
}
