package import FoundationEssentials

/// One HTTP request, as the registry client needs it.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
    }

    package var method: Method
    package var url: String
    package var headers: [HTTPHeader]
    package var body: Data?
    package var tls: TLSSettings
    package var timeouts: HTTPTimeouts

    package init(
        _ method: Method = .get,
        _ url: String,
        headers: [HTTPHeader] = [],
        body: Data? = nil,
        tls: TLSSettings = TLSSettings(),
        timeouts: HTTPTimeouts = HTTPTimeouts()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.tls = tls
        self.timeouts = timeouts
    }
}

package struct HTTPHeader: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The TLS settings of a connection: trusted authorities and the client's certificate.
package struct TLSSettings: Sendable, Hashable {
    /// Certificate authorities trusted in addition to the system's, PEM; nil for the system's only.
    package var authorities: Data?
    /// The file of the client's certificate, PEM.
    package var certificate: String?
    /// The file of its key, if it is another one.
    package var key: String?
    package var skipVerify: Bool

    package init(authorities: Data? = nil, certificate: String? = nil, key: String? = nil, skipVerify: Bool = false) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.skipVerify = skipVerify
    }
}

/// The time limits of an exchange.
package struct HTTPTimeouts: Sendable, Hashable {
    /// To connect, TLS included. containerd waits 30 s too.
    package var connect: Duration = .seconds(30)
    /// A transfer below ``lowSpeed`` for this long has stalled.
    package var stall: Duration = .seconds(30)
    /// Bytes per second below which a transfer counts as stalled: low enough for a slow network.
    package var lowSpeed = 16
    /// For the whole exchange; nil for none, as a layer may take hours.
    package var total: Duration?

    package init() {}
}

/// Status and headers of a response.
package struct HTTPHead: Sendable, Hashable {
    package var status: Int
    package var headers: [HTTPHeader] = []

    package init(status: Int, headers: [HTTPHeader] = []) {
        self.status = status
        self.headers = headers
    }

    /// The first value of a header; the name's case is ignored.
    package subscript(name: String) -> String? {
        values(of: name).first
    }

    package func values(of name: String) -> [String] {
        let wanted = name.lowercased()
        return headers.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    package var contentLength: Int64? { self["Content-Length"].flatMap { Int64($0) } }

    /// The bytes `first…last/total` that a 206 response holds (RFC 9110, section 14.4).
    package var contentRange: (first: Int64, total: Int64?)? {
        guard let value = self["Content-Range"], value.hasPrefix("bytes ") else { return nil }
        let parts = value.dropFirst(6).split(separator: "/")
        guard parts.count == 2, let first = parts[0].split(separator: "-").first.flatMap({ Int64($0) }) else {
            return nil
        }
        return (first, Int64(parts[1]))
    }
}

/// Why an exchange failed. An error status of the server is not a failure.
package struct HTTPFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The host's name has no address.
        case unresolved
        /// No listener, or no route.
        case unreachable
        /// The certificate is not trusted, or the TLS handshake failed.
        case tls
        /// The connection broke, or the response was cut off.
        case broken
        /// No data arrived for too long.
        case timeout
        /// The request cannot be sent at all.
        case invalid
        /// The response is larger than the caller accepts.
        case tooLarge
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// Whether the same request may succeed a moment later.
    package var isTransient: Bool {
        switch kind {
        case .unreachable, .broken, .timeout, .unresolved: true
        case .tls, .invalid, .tooLarge: false
        }
    }
}
