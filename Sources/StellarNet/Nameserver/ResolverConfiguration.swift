public import StellarCore

/// A DNS server for names outside of the cluster.
public struct DNSUpstream: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 or IPv6 address, not a name.
    public var host: String
    public var port: Int

    public init(host: String, port: Int = 53) {
        self.host = host
        self.port = port
    }

    /// Reads `1.1.1.1`, `1.1.1.1:53`, `::1` and `[::1]:53`; nil for anything else, names too.
    public init?(_ text: String) {
        if let close = text.firstIndex(of: "]"), text.first == "[" {
            let rest = text[text.index(after: close)...]
            let host = String(text[text.index(after: text.startIndex)..<close])
            guard Self.isIPv6(host) else { return nil }
            self.init(host: host)
            guard !rest.isEmpty else { return }
            guard rest.first == ":", let port = Self.port(rest.dropFirst()) else { return nil }
            self.port = port
        } else if Self.isIPv6(text) {
            self.init(host: text)
        } else {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = parts.first, IPv4Address(String(first)) != nil else { return nil }
            self.init(host: String(first))
            guard parts.count == 2 else { return }
            guard let port = Self.port(parts[1]) else { return nil }
            self.port = port
        }
    }

    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Distinguishes an IPv6 address from a name; the system decides when it is used.
    private static func isIPv6(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, address.utf8.count(where: { $0 == UInt8(ascii: ":") }) >= 2 else {
            return false
        }
        // Behind the percent sign: the interface of a link-local address, whose name has no character that ends the address.
        let isZone = parts.count == 1 || !parts[1].isEmpty && parts[1].allSatisfy { $0.isASCII && isNamePart($0) }
        return isZone && address.allSatisfy { $0.isASCII && ($0.isHexDigit || $0 == ":" || $0 == ".") }
    }

    private static func isNamePart(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "." || character == "_" || character == "-"
    }

    private static func port(_ text: Substring) -> Int? {
        guard let port = Int(text), (1...65535).contains(port) else { return nil }
        return port
    }
}

/// The host's own resolver configuration (resolv.conf(5)).
public enum ResolverConfiguration {
    /// The upstream server of a host that names none.
    public static let fallback = DNSUpstream(host: "1.1.1.1")
    /// resolv.conf(5) reads three (`MAXNS`).
    private static let maximumServers = 3

    /// The servers in the text of a resolv.conf, in order, without `ownAddress`: a host that queries its containers'
    /// nameserver must not get the query back. Where none is left, 1.1.1.1.
    public static func upstreams(resolvConf text: String, excluding ownAddress: IPv4Address?) -> [DNSUpstream] {
        var servers: [DNSUpstream] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            let server = DNSUpstream(host: String(words[1]))
            guard DNSUpstream(server.host) == server, server.host != ownAddress?.description else { continue }
            if !servers.contains(server) { servers.append(server) }
        }
        return servers.isEmpty ? [fallback] : Array(servers.prefix(maximumServers))
    }

    /// The servers in the host's file; a missing file counts as empty.
    public static func upstreams(
        path: String = "/etc/resolv.conf",
        excluding ownAddress: IPv4Address?
    ) async throws -> [DNSUpstream] {
        let text = try await BlockingThreads.run { (try? FileSystem.read(path)) ?? "" }
        return upstreams(resolvConf: text, excluding: ownAddress)
    }
}
