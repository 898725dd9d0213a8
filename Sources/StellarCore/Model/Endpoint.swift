/// A port of a service, announced by name (SRV records) and, for HTTP, served by the proxy under ``host``.
public struct Endpoint: Sendable, Hashable, Codable {
    /// What is spoken on the port. Raw values are what files and records say.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// A TCP port.
        case tcp
        /// A UDP port.
        case udp
        /// HTTP over TCP, which the proxy can route.
        case http

        /// The transport the port is opened on: `tcp` or `udp`.
        public var transport: String { self == .udp ? "udp" : "tcp" }
    }

    /// The first label of the SRV name, without its underscore: `_<service>._<protocol>.<app>.<service>.stellar`.
    public var service: String
    /// What is spoken on the port.
    public var `protocol`: Kind
    /// The virtual host of the proxy; present for every HTTP endpoint.
    public var host: String?
    /// The port in the container, 1 to 65535.
    public var port: UInt16
    /// How the proxy serves it; only with HTTP.
    public var http: HTTP?

    /// Makes an endpoint.
    public init(service: String, protocol: Kind = .tcp, host: String? = nil, port: UInt16, http: HTTP? = nil) {
        self.service = service
        self.protocol = `protocol`
        self.host = host
        self.port = port
        self.http = http
    }

    /// The `config` member of an HTTP endpoint.
    public struct HTTP: Sendable, Hashable, Codable {
        /// Serve over HTTPS with a certificate obtained by itself.
        public var tls: Bool
        /// The time a client has for its request and an upstream for its answer; nil is the proxy's own.
        public var timeouts: Duration?
        /// How long other upstreams are tried for one request.
        public var proxyTryDuration: Duration?
        /// How long a failed upstream is left out.
        public var proxyFailTimeout: Duration?
        /// Request size limits in the proxy's words; empty is none.
        public var limits: String
        /// Headers added to what the upstream gets.
        public var proxyUpstreamHeaders: [String: String]

        /// Makes a configuration.
        public init(
            tls: Bool = false,
            timeouts: Duration? = nil,
            proxyTryDuration: Duration? = nil,
            proxyFailTimeout: Duration? = nil,
            limits: String = "",
            proxyUpstreamHeaders: [String: String] = [:]
        ) {
            self.tls = tls
            self.timeouts = timeouts
            self.proxyTryDuration = proxyTryDuration
            self.proxyFailTimeout = proxyFailTimeout
            self.limits = limits
            self.proxyUpstreamHeaders = proxyUpstreamHeaders
        }
    }
}
