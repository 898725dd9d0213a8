/// How a server listens, and the limits of its clients.
public struct RPCServerConfiguration: Sendable {
    /// nil serves plain HTTP/2 with prior knowledge (RFC 9113 section 3.3). A unix socket is always plain: the mode of its file
    /// decides who can connect.
    public var tls: RPCTLSConfiguration.Server?

    /// The bytes of one request message. A larger one fails its call with `resourceExhausted` before it is buffered.
    public var maxMessageSize = 16 << 20

    /// The limits of one client, and of all together.
    public var limits = RPCServerLimits()

    /// Pings that detect a lost client; nil sends none.
    public var keepalive: RPCKeepalive? = RPCKeepalive(interval: .seconds(120), timeout: .seconds(20))

    /// The receive window of each stream (RFC 9113 section 6.9): bytes that a client may be ahead of the handler.
    public var streamWindow = 256 << 10

    /// The unsent bytes of one call beyond which `send` suspends.
    public var sendBufferLimit = 256 << 10

    /// The file mode of a unix socket. The default allows the owner alone.
    public var unixSocketMode: UInt32 = 0o600

    public init() {}

    /// A configuration with this TLS, or none, and defaults for the rest.
    public init(tls: RPCTLSConfiguration.Server?) {
        self.tls = tls
    }
}

/// The limits that protect a server on an open port. Each defends against a known attack.
public struct RPCServerLimits: Sendable, Hashable {
    /// Open connections of the whole server. The server closes further ones at once. Each costs a descriptor and some 20 KiB.
    public var maxConnections = 1024

    /// Calls open at a time on one connection, advertised as SETTINGS_MAX_CONCURRENT_STREAMS. RFC 9113 section 6.5.2
    /// recommends no less than 100.
    public var maxConcurrentStreams = 128

    /// Bytes of one decoded header list, counted as RFC 9113 section 6.5.2 does (name + value + 32 each), advertised as
    /// SETTINGS_MAX_HEADER_LIST_SIZE. gRPC's default is 8 KiB; metadata with a token needs more.
    public var maxHeaderListSize = 16 << 10

    /// Bytes of request messages that wait for handlers, all calls of one connection together. The call that exceeds it fails
    /// with `resourceExhausted`. Flow-control windows alone would allow calls × message size.
    public var maxBufferedBytes = 64 << 20

    /// Bytes of requests that wait for handlers and of responses that wait to be written, all connections together. Beyond
    /// it the server closes the connection that holds the most with ENHANCE_YOUR_CALM: the limit of one connection times
    /// their number is more than any host has. The default is four connections at their own limit, and a quarter of the
    /// memory of a small host.
    public var maxTotalBufferedBytes = 256 << 20

    /// Streams that a client may reset before their response, in `window`. "Rapid reset" (CVE-2023-44487) opens and cancels
    /// at line rate, past the limit of concurrent streams: 100 000 a second and more, where the busiest honest client
    /// cancels some tens.
    public var maxResets = 1000

    /// Protocol errors of streams in `window`; the server itself resets such a stream ("MadeYouReset", CVE-2025-8671).
    public var maxStreamErrors = 1000

    /// PINGs in `window`; each requires a response (CVE-2019-9512).
    public var maxPings = 200

    /// SETTINGS frames in `window`; each requires a response (CVE-2019-9515).
    public var maxSettings = 50

    /// Frames that carry nothing, in `window`: DATA without bytes or end, PRIORITY, WINDOW_UPDATE without open calls
    /// (CVE-2019-9518, CVE-2019-9511).
    public var maxIdleFrames = 2000

    /// CONTINUATION frames of one header block (CVE-2024-27316).
    public var maxContinuations = 8

    /// The time span of the counts above.
    public var window: Duration = .seconds(10)

    /// The time from the open connection to the client's preface and SETTINGS. A slow-loris attack sends neither.
    public var handshakeTimeout: Duration = .seconds(10)

    /// The time that a header block may take to complete.
    public var frameTimeout: Duration = .seconds(20)

    /// The time in which an incomplete unary request must make 4 KiB of progress or end. A stream of requests may be silent.
    public var requestTimeout: Duration = .seconds(30)

    /// The time after which a connection without calls gets GOAWAY.
    public var idleTimeout: Duration = .seconds(600)

    /// The time after which a connection whose client reads none of its pending bytes is closed.
    public var writeTimeout: Duration = .seconds(30)

    public init() {}
}
