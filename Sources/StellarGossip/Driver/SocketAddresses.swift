import Glibc
internal import NIOCore

// Conversions between the addresses of the wire, the kernel and NIO. The kernel's are bytes in the layout of ip(7) and
// ipv6(7): family(2, host order) port(2, network order), then address(4), or flow(4) address(16) scope(4).

extension WireAddress {
    /// An address in text (inet_pton(3)); nil for a name.
    public init?(text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(bytes.prefix(4))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(bytes)
        } else {
            return nil
        }
    }

    /// `0.0.0.0`.
    public static let wildcard = WireAddress([0, 0, 0, 0]) ?? .none

    /// Whether it is `0.0.0.0` or `::`: every address of the host.
    var isWildcard: Bool { bytes.allSatisfy { $0 == 0 } }

    var isLoopback: Bool {
        if let ipv4 { return ipv4 >> 24 == 127 }
        return bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
    }

    /// The address in four bytes if it is IPv4: a socket of both families reports IPv4 peers in sixteen.
    var canonical: WireAddress {
        guard let ipv4, count == 16 else { return self }
        return WireAddress([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ipv4 >> $0) }) ?? self
    }

    /// The family of a socket that is bound to it.
    var family: CInt { ipv4 == nil ? AF_INET6 : AF_INET }
}

extension GossipEndpoint {
    private static let ipv4Length = 16
    private static let ipv6Length = 28
    /// Room for both families.
    static let socketAddressLength = ipv6Length

    /// From a socket address.
    ///
    /// - Returns: nil if it is not an IP address.
    init?(socketAddress bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.ipv4Length else { return nil }
        let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        let address: WireAddress?
        switch CInt(bytes.loadUnaligned(as: UInt16.self)) {
        case AF_INET: address = WireAddress(bytes[4..<8])
        case AF_INET6 where bytes.count >= Self.ipv6Length: address = WireAddress(bytes[8..<24])?.canonical
        default: address = nil
        }
        guard let address else { return nil }
        self.init(address: address, port: port)
    }

    init?(_ address: SocketAddress?) {
        let endpoint = address?.withSockAddr { pointer, count in
            GossipEndpoint(socketAddress: UnsafeRawBufferPointer(start: pointer, count: count))
        }
        guard let endpoint = endpoint ?? nil else { return nil }
        self = endpoint
    }

    var socketAddress: SocketAddress? {
        try? SocketAddress(ipAddress: address.description, port: Int(port))
    }

    /// Calls `body` with the socket address for a socket of a family; an IPv6 socket reaches IPv4 by mapped addresses
    /// (RFC 4291 section 2.5.5.2).
    ///
    /// - Returns: nil if a socket of that family cannot reach it.
    func withSocketAddress<R>(family: CInt, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R? {
        var bytes = address.bytes
        if family == AF_INET {
            guard let ipv4 = address.ipv4 else { return nil }
            bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ipv4 >> $0) }
        } else if bytes.count == 4 {
            bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes
        }
        let length = family == AF_INET ? Self.ipv4Length : Self.ipv6Length
        return withUnsafeTemporaryAllocation(byteCount: length, alignment: 8) { buffer in
            for index in buffer.indices { buffer[index] = 0 }
            buffer.storeBytes(of: UInt16(family), as: UInt16.self)
            buffer.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            let start = family == AF_INET ? 4 : 8
            for (index, byte) in bytes.enumerated() { buffer[start + index] = byte }
            return buffer.withMemoryRebound(to: sockaddr.self) { pointer in
                pointer.baseAddress.map { body($0, socklen_t(length)) }
            }
        }
    }
}

/// Finds the address at which others reach this host.
enum LocalAddress {
    /// The address from which the kernel would send to `target` (connect(2) of a datagram socket sends nothing).
    static func toReach(_ target: GossipEndpoint) -> WireAddress? {
        let family = target.address.family
        let descriptor = socket(family, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard target.withSocketAddress(family: family, { connect(descriptor, $0, $1) }) == 0 else { return nil }
        return bound(descriptor)?.address
    }

    /// Where a socket is bound (getsockname(2)).
    static func bound(_ descriptor: CInt) -> GossipEndpoint? {
        withUnsafeTemporaryAllocation(byteCount: GossipEndpoint.socketAddressLength, alignment: 8) { buffer in
            var length = socklen_t(buffer.count)
            let result = buffer.withMemoryRebound(to: sockaddr.self) { pointer in
                pointer.baseAddress.map { getsockname(descriptor, $0, &length) }
            }
            guard result == 0 else { return nil }
            return GossipEndpoint(socketAddress: UnsafeRawBufferPointer(rebasing: buffer.prefix(Int(length))))
        }
    }

    /// The first address of the host that is neither loopback nor link-local, for a host without any route.
    static func ofAnyInterface() -> WireAddress? {
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.compactMap { GossipEndpoint($0.address)?.address }.first { address in
            let bytes = address.bytes
            let isLinkLocal =
                bytes.count == 4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
            return !address.isLoopback && !isLinkLocal
        }
    }
}
