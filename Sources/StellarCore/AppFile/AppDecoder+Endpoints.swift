extension AppDecoder {
    mutating func endpoints(_ fields: DocumentReader.Fields) -> [Endpoint] {
        let places = reader.list(fields, "endpoints", of: "endpoints")
        guard withinLimit(places, fields, "endpoints") else { return [] }
        var endpoints: [Endpoint] = []
        var seen: [Endpoint: String] = [:]
        for place in places {
            guard let endpoint = endpoint(place) else { continue }
            endpoints.append(endpoint)
            var key = endpoint
            key.http = nil
            if let first = seen.updateValue(place.path, forKey: key) {
                reader.report(place.path, at: place.node.offset, "is the same as \(first); keep one")
            }
        }
        return endpoints
    }

    private mutating func endpoint(_ place: DocumentReader.Place) -> Endpoint? {
        let known = Fields.endpoint
        let config = "put it in \"config\""
        let hints = [
            "tls": config, "timeouts": config, "limits": config, "proxy_upstream_headers": config,
            "proxy_try_duration": config, "proxy_fail_timeout": config, "name": "use \"service\"",
        ]
        guard let fields = reader.object(place.node, place.path, of: "an endpoint", known: known, hints: hints) else {
            return nil
        }
        let name = endpointName(fields)
        let kind = kind(fields)
        let host = host(fields, kind: kind)
        let port = endpointPort(fields)
        let http = http(fields, kind: kind)
        guard let name, let kind, let port else { return nil }
        return Endpoint(service: name, protocol: kind, host: host, port: port, http: http)
    }

    /// The most characters of a name: RFC 2782 puts an underscore before it, and both are one DNS label.
    private static let maximumNameLength = Name.maximumLength - 1

    private mutating func endpointName(_ fields: DocumentReader.Fields) -> String? {
        guard let name = requiredName(fields, "service", of: "the endpoint") else { return nil }
        guard name.utf8.count <= Self.maximumNameLength else {
            let message = "\(quoted(name)) has \(name.utf8.count) characters; the limit is \(Self.maximumNameLength)"
            reader.report(fields.path("service"), at: fields.offset("service"), message)
            return nil
        }
        return name
    }

    /// The protocol: a name in any case, or a number of the API's enum, which `apps inspect --format json` of some
    /// versions prints. The default is tcp. (In the original's files, tcp was 0, unlike in its output.)
    private mutating func kind(_ fields: DocumentReader.Fields) -> Endpoint.Kind? {
        guard let node = fields.node("protocol") else { return .tcp }
        let path = fields.path("protocol")
        switch node.value {
        case .string(let text):
            if let kind = Endpoint.Kind(rawValue: text.lowercased()) { return kind }
            reader.report(path, at: node.offset, "\(quoted(text)) is not a protocol (tcp, udp or http)")
        case .number(let text):
            let numbers: [String: Endpoint.Kind] = ["1": .tcp, "2": .udp, "3": .http]
            if let kind = numbers[text] { return kind }
            let message = "\(text.prefix(40)) is not a protocol; write \"tcp\", \"udp\" or \"http\" (or 1, 2, 3)"
            reader.report(path, at: node.offset, message)
        default:
            reader.expected("a protocol (\"tcp\", \"udp\" or \"http\")", node, path)
        }
        return nil
    }

    private mutating func host(_ fields: DocumentReader.Fields, kind: Endpoint.Kind?) -> String? {
        let text: String
        if fields.node("host") != nil {
            guard let given = reader.string(fields, "host") else { return nil }
            text = given
        } else {
            text = ""
        }
        if text.isEmpty {
            if kind == .http {
                let message =
                    "is missing; give the host name that the proxy serves, e.g. \"www.example.com\", or set "
                    + "\"protocol\": \"tcp\" for a port without proxy"
                reader.report(fields.path("host"), at: fields.offset("host"), message)
            }
            return nil
        }
        guard Name.isHostName(text.hasPrefix("*.") ? String(text.dropFirst(2)) : text) else {
            let message = "\(quoted(text)) is not a host name such as \"www.example.com\""
            reader.report(fields.path("host"), at: fields.offset("host"), message)
            return nil
        }
        return text
    }

    private mutating func endpointPort(_ fields: DocumentReader.Fields) -> UInt16? {
        guard let node = fields.node("port") else {
            reader.report(fields.path("port"), at: fields.offset("port"), "is missing; give it a port (1-65535)")
            return nil
        }
        return reader.port(node, fields.path("port"))
    }

    /// The time limits of the proxy: more than a day is a mistake.
    private static let timeouts = Duration.milliseconds(1)...Duration.seconds(86_400)

    private mutating func http(_ fields: DocumentReader.Fields, kind: Endpoint.Kind?) -> Endpoint.HTTP? {
        guard let node = fields.node("config") else { return nil }
        let known = Fields.http
        guard let inner = reader.object(node, fields.path("config"), of: "an endpoint's config", known: known) else {
            return nil
        }
        if let kind, kind != .http {
            let message = "is for http endpoints only; remove it, or set \"protocol\": \"http\""
            reader.report(fields.path("config"), at: node.offset, message)
        }
        var http = Endpoint.HTTP()
        http.tls = reader.bool(inner, "tls") ?? false
        http.timeouts = reader.duration(inner, "timeouts", in: Self.timeouts)
        http.proxyTryDuration = reader.duration(inner, "proxy_try_duration", in: .zero...Self.timeouts.upperBound)
        http.proxyFailTimeout = reader.duration(inner, "proxy_fail_timeout", in: .zero...Self.timeouts.upperBound)
        http.limits = reader.string(inner, "limits") ?? ""
        for (key, value, place) in reader.stringMap(inner, "proxy_upstream_headers") {
            if !Self.isHeaderName(key) {
                reader.report(place.path, at: place.node.offset, "\(quoted(key)) is not the name of an HTTP header")
            } else if value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
                let message = "the value of header \(quoted(key)) contains a line break or control character; remove it"
                reader.report(place.path, at: place.node.offset, message)
            } else {
                http.proxyUpstreamHeaders[key] = value
            }
        }
        return http
    }

    /// Whether a text is a token of RFC 9110, section 5.6.2, or one with `?` in it: Caddy has `+`, `-` and `?` before
    /// names.
    private static func isHeaderName(_ text: String) -> Bool {
        let marks = "!#$%&'*+-.^_`|~?"
        return !text.isEmpty && text.utf8.count <= 256
            && text.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || $0.properties.numericType != nil
                        || marks.unicodeScalars.contains($0))
            }
    }
}
