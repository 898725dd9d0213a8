import Glibc

/// `host:port`, `[v6]:port`, or a bare host where a port is understood.
struct HostPort: Sendable, Hashable, CustomStringConvertible {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(_ text: String, defaultPort: Int? = nil) {
        var host = text[...]
        var port = defaultPort
        let afterBracket = text.lastIndex(of: "]")
        if let colon = text.lastIndex(of: ":"), afterBracket.map({ $0 < colon }) ?? true {
            guard let number = Int(text[text.index(after: colon)...]),
                String(number) == text[text.index(after: colon)...]
            else { return nil }
            host = text[..<colon]
            port = number
        }
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, let port, (1...65_535).contains(port) else { return nil }
        self.init(host: String(host), port: port)
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The host is an IPv4 or IPv6 address, not a name.
    var isNumeric: Bool { isIPv4 || isIPv6 }

    /// 0.0.0.0 or ::, on which a server listens on all addresses of the host, and which nobody can be reached on.
    var isEveryAddress: Bool {
        var bytes = in6_addr()
        if isIPv4 { return host == "0.0.0.0" }
        return inet_pton(AF_INET6, host, &bytes) == 1 && withUnsafeBytes(of: bytes) { $0.allSatisfy { $0 == 0 } }
    }

    /// 127/8 or ::1: only programs of this host get there.
    var isLoopback: Bool { isIPv4 && host.hasPrefix("127.") || host == "::1" || host == "localhost" }

    private var isIPv4: Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1
    }

    private var isIPv6: Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }
}
