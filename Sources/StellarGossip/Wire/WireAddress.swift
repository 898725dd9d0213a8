/// An IP address on the wire: 4 or 16 bytes in network order.
///
/// Peers compare these bytes, and a memberlist peer announces an IPv4 address that it detected itself in 16 bytes
/// (`::ffff:a.b.c.d`). So a received address is sent on unchanged, and never made canonical.
public struct WireAddress: Sendable, Hashable {
    private let high: UInt64
    private let low: UInt64
    private let length: UInt8

    /// No address.
    public static let none = WireAddress()

    private init() {
        high = 0
        low = 0
        length = 0
    }

    /// - Returns: nil unless there are 4 or 16 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.high = high
        self.low = low
        length = UInt8(truncatingIfNeeded: bytes.count)
    }

    /// 0, 4 or 16.
    public var count: Int { Int(length) }

    public var bytes: [UInt8] {
        (0..<count).map { index in
            let shift = 8 * (count - 1 - index)
            return UInt8(truncatingIfNeeded: shift >= 64 ? high >> UInt64(shift - 64) : low >> UInt64(shift))
        }
    }

    public var isEmpty: Bool { count == 0 }

    /// The four bytes of an IPv4 address in either form, as a number; nil for a real IPv6 address.
    public var ipv4: UInt32? {
        switch count {
        case 4: UInt32(truncatingIfNeeded: low)
        case 16 where high == 0 && low >> 32 == 0xFFFF: UInt32(truncatingIfNeeded: low)
        default: nil
        }
    }

    /// Whether it is the address of one host: not unspecified, multicast or broadcast. A node with such an address
    /// would make every node that accepts it send floods.
    public var isOfOneHost: Bool {
        if let ipv4 { return ipv4 >> 24 != 0 && ipv4 >> 28 != 0xE && ipv4 != .max }
        return count == 16 && (high != 0 || low != 0) && high >> 56 != 0xFF
    }

    /// Whether both are the same host, in any form.
    public func isSameHost(as other: WireAddress) -> Bool {
        if self == other { return true }
        if let mine = ipv4, let theirs = other.ipv4 { return mine == theirs }
        return false
    }
}

extension WireAddress: CustomStringConvertible {
    /// Dotted, or as in RFC 5952 section 4.
    public var description: String {
        if let ipv4 {
            return [24, 16, 8, 0].map { String(ipv4 >> $0 & 0xFF) }.joined(separator: ".")
        }
        guard count == 16 else { return "(no address)" }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
        }
        guard let zeros = Self.longestZeros(groups) else {
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let head = groups[..<zeros.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
        let tail = groups[zeros.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        return "\(head)::\(tail)"
    }

    /// The first of the longest runs of at least two zeros.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = end
        }
        return best
    }
}

extension MessagePackReader {
    /// Reads an address; empty is ``WireAddress/none``.
    mutating func address() throws(WireError) -> WireAddress {
        let bytes = try byteSlice(maximum: 16)
        if bytes.isEmpty { return .none }
        guard let address = WireAddress(bytes) else { throw .outOfRange }
        return address
    }
}
