/// A port of a service, which the nameserver announces as an SRV record.
///
/// An HTTP endpoint also has settings for a proxy: ``host`` and ``http``. This release checks and stores them, and does
/// not act on them.
public struct Endpoint: Sendable, Hashable {
    /// A protocol. Raw values are the words of app files and SRV records.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A TCP port.
        case tcp
        /// A UDP port.
        case udp
        /// HTTP over TCP, for the proxy.
        case http

        /// The transport protocol: `tcp` or `udp`.
        public var transport: String { self == .udp ? "udp" : "tcp" }
    }

    /// The first label of the SRV name, without its underscore: `_<service>._<protocol>.<app>.<service>.stellar`.
    public var service: String
    /// The protocol on the port.
    public var `protocol`: Kind
    /// The host name that the proxy serves, `*.` allowed in front. An HTTP endpoint must have one.
    public var host: String?
    /// The port in the container, 1 to 65535.
    public var port: UInt16
    /// The proxy settings; for HTTP only.
    public var http: HTTP?

    /// Creates an endpoint.
    public init(service: String, protocol: Kind = .tcp, host: String? = nil, port: UInt16, http: HTTP? = nil) {
        self.service = service
        self.protocol = `protocol`
        self.host = host
        self.port = port
        self.http = http
    }

    /// The proxy settings of an HTTP endpoint: the member `config` of the app file.
    public struct HTTP: Sendable, Hashable {
        /// Whether the proxy serves HTTPS, with a certificate that it obtains itself.
        public var tls: Bool
        /// The time limit of a client's request and of an upstream's response, 1 ms to 24 h; nil is the proxy's
        /// default.
        public var timeouts: Duration?
        /// How long the proxy tries upstreams for one request, up to 24 h; nil is the proxy's default.
        public var proxyTryDuration: Duration?
        /// How long the proxy leaves out a failed upstream, up to 24 h; nil is the proxy's default.
        public var proxyFailTimeout: Duration?
        /// Limits of a request's size, in the proxy's syntax; empty is no limit.
        public var limits: String
        /// Headers that the proxy adds to a request to the upstream.
        public var proxyUpstreamHeaders: [String: String]

        /// Creates settings.
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
