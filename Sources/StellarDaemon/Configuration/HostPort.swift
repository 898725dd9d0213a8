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
}
