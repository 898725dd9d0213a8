/// The address of a peer, as a person writes it: `HOST`, `HOST:PORT`, an IPv6 address, or `[IPv6]:PORT`. A name is
/// resolved again for each attempt, because the peer may have moved.
public struct PeerAddress: Sendable, Hashable, CustomStringConvertible {
    /// memberlist's port, for datagrams and streams.
    public static let defaultPort: UInt16 = 7946
    /// A DNS name has at most 253 characters (RFC 1035 section 2.3.4).
    private static let maximumHost = 253

    /// A name or an address, without brackets.
    public let host: String
    public let port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public init(_ endpoint: GossipEndpoint) {
        self.init(host: endpoint.address.description, port: endpoint.port)
    }

    /// - Returns: nil if the text is not a valid address.
    public init?(_ text: String, defaultPort: UInt16 = PeerAddress.defaultPort) {
        var host = text[...]
        var port = defaultPort
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = Self.port(rest.dropFirst()) else { return nil }
                port = number
            }
            guard WireAddress(text: String(host))?.count == 16 else { return nil }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            guard let number = Self.port(text[text.index(after: colon)...]) else { return nil }
            host = text[..<colon]
            port = number
        } else if text.contains(":") {
            guard WireAddress(text: text) != nil else { return nil }
        }
        guard !host.isEmpty, host.utf8.count <= Self.maximumHost,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
        else { return nil }
        self.init(host: String(host), port: port)
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt16(text).flatMap { $0 > 0 ? $0 : nil }
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension GossipEndpoint {
    /// Parses `127.0.0.1:7946` or `[::1]:7946`; nil for a name. Port 0 is valid.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard let address = WireAddress(text: String(host)) else { return nil }
        self.init(address: address, port: port)
    }
}
