import CCurl

/// The parts of an absolute URL. libcurl's own parser splits it, so that decisions about its host are about the host
/// that libcurl connects to.
package struct URLParts: Sendable, Hashable {
    package var scheme: String
    /// Lower case; an IPv6 address without its brackets.
    package var host: String
    package var port: Int
    /// The whole URL, with the default port, path and query made explicit.
    package var text: String

    /// Nil if `text` is not an absolute http or https URL.
    package init?(_ text: String) {
        self.init(text, relativeTo: nil)
    }

    /// Resolves `location`, of a response of `base` (RFC 3986, section 5).
    package init?(_ location: String, relativeTo base: String?) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        if let base { guard curl_url_set(handle, CURLUPART_URL, base, 0) == CURLUE_OK else { return nil } }
        guard curl_url_set(handle, CURLUPART_URL, location, 0) == CURLUE_OK else { return nil }
        func part(_ part: CURLUPart, _ flags: Int = 0) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard CCurl_getPart(handle, part, &text, UInt32(flags)) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard let scheme = part(CURLUPART_SCHEME)?.lowercased(), scheme == "https" || scheme == "http",
            let host = part(CURLUPART_HOST)?.lowercased(),
            let port = part(CURLUPART_PORT, Int(CURLU_DEFAULT_PORT)).flatMap({ Int($0) }),
            let text = part(CURLUPART_URL)
        else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.text = text
    }

    /// Whether both URLs have the same server: secrets of one server are not sent to another.
    package func isSameOrigin(as other: URLParts) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }
}

/// The loopback hosts.
package enum Loopback {
    /// `localhost`, 127.0.0.0/8 or `::1`, without port and brackets.
    package static func contains(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
