/// An IPv4 address.
public struct IPv4Address: Sendable, Hashable, LosslessStringConvertible {
    /// The address as a number, first octet highest.
    public var rawValue: UInt32

    /// Creates an address from its number.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Creates an address from its four octets.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Reads four decimal octets with dots, the IPv4address of RFC 3986. nil for any other text, also for leading
    /// zeros, which some programs read as octal.
    public init?(_ description: String) {
        let parts = description.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = Self.octet(part) else { return nil }
            value = value << 8 | octet
        }
        rawValue = value
    }

    private static func octet(_ digits: Substring.UTF8View) -> UInt32? {
        guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + UInt32(digit - UInt8(ascii: "0"))
        }
        return value <= 255 ? value : nil
    }

    /// The four octets in network byte order: the first one first.
    public var octets: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> $0) }
    }

    /// The address in dotted decimal: `172.16.0.1`.
    public var description: String {
        octets.map { String($0) }.joined(separator: ".")
    }

    /// The address at a distance from this one; nil beyond either end of the address space.
    public func advanced(by distance: Int) -> IPv4Address? {
        let (sum, overflow) = Int64(rawValue).addingReportingOverflow(Int64(distance))
        guard !overflow, let value = UInt32(exactly: sum) else { return nil }
        return IPv4Address(rawValue: value)
    }
}

extension IPv4Address: Comparable {
    /// Orders by number.
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IPv4Address: Codable {
    /// Reads dotted decimal.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value(of: "an IPv4 address") { Self($0) }
    }

    /// Writes dotted decimal.
    public func encode(to encoder: any Encoder) throws {
        try description.encode(to: encoder)
    }
}
