/// The address that a server listens on or a client connects to.
public enum RPCAddress: Sendable, Hashable {
    /// A TCP endpoint. `host` is a name or a literal IPv4 or IPv6 address, without brackets.
    case tcp(host: String, port: Int)
    /// A stream socket in the file system; `path` is at most 107 bytes long (`sockaddr_un`, unix(7)).
    case unix(path: String)

    /// Parses `unix:///run/x.sock`, `unix:/run/x.sock`, `/run/x.sock`, `host:port`, `[::1]:port` or `tcp://host:port`.
    ///
    /// - Returns: nil for any other text.
    public init?(_ text: String) {
        var rest = Substring(text)
        for scheme in ["unix://", "unix:"] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            guard !rest.isEmpty else { return nil }
            self = .unix(path: String(rest))
            return
        }
        if rest.hasPrefix("/") {
            self = .unix(path: text)
            return
        }
        if rest.hasPrefix("tcp://") { rest = rest.dropFirst(6) }
        guard let colon = rest.lastIndex(of: ":"),
            let port = UInt16(rest[rest.index(after: colon)...])
        else { return nil }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self = .tcp(host: String(host), port: Int(port))
    }

    /// The `:authority` of a call (RFC 9113 section 8.3.1).
    package var authority: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix: "localhost"
        }
    }
}

extension RPCAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp: authority
        case .unix(let path): "unix://\(path)"
        }
    }
}
