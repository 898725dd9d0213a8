/// How a client connects, and its limits.
public struct RPCClientConfiguration: Sendable {
    /// nil speaks plain HTTP/2 with prior knowledge (RFC 9113 section 3.3). A unix socket is always plain: the mode of its file
    /// decides who can connect.
    public var tls: RPCTLSConfiguration.Client?

    /// Sent as `user-agent`.
    public var userAgent = "stellar-rpc/1"

    /// The bytes of one response message. A larger one fails its call with `resourceExhausted` before it is buffered. The
    /// default is four times gRPC's customary 4 MiB, which containerd's responses (image manifests, snapshot lists) reach.
    public var maxMessageSize = 16 << 20

    /// The time of one attempt to connect, TLS included. 20 s is also gRPC's value (connection back-off document).
    public var connectTimeout: Duration = .seconds(20)

    /// The waits between attempts to connect.
    public var backoff = RPCBackoff()

    /// Pings that detect a lost peer; nil sends none (a unix socket needs none).
    public var keepalive: RPCKeepalive?

    /// The receive window of each stream (RFC 9113 section 6.9): bytes that a sender may be ahead of the reader. 1 MiB keeps
    /// a 10 Gbit/s link of 0.8 ms busy.
    public var streamWindow = 1 << 20

    /// The unsent bytes of one call beyond which `send` suspends: two socket buffers.
    public var sendBufferLimit = 256 << 10

    /// Bytes of sent messages kept per call, to replay it where the peer refuses it unprocessed.
    public var replayBufferLimit = 256 << 10

    /// Attempts of a call that the peer refused unprocessed, the first included; gRPC's service configuration caps at 5 too.
    public var maxAttempts = 5

    public init() {}

    /// A configuration with this TLS, or none, and defaults for the rest.
    public init(tls: RPCTLSConfiguration.Client?) {
        self.tls = tls
    }
}

/// Exponential back-off with jitter: the n-th wait is `initial × multiplier^(n-1)`, at most `maximum`, times a factor drawn
/// from `1 ± jitter`. See gRPC's "Connection Backoff Protocol". The first wait is shorter here because peers are near.
public struct RPCBackoff: Sendable, Hashable {
    public var initial: Duration = .milliseconds(100)
    public var maximum: Duration = .seconds(5)
    public var multiplier = 1.6
    public var jitter = 0.2

    public init() {}
}

/// Keepalive by HTTP/2 PING (RFC 9113 section 6.7).
public struct RPCKeepalive: Sendable, Hashable {
    /// Silence from the peer after which a ping goes out.
    public var interval: Duration
    /// The wait for the response, after which the connection is closed.
    public var timeout: Duration
    /// Whether to ping while no call is open. Many servers count that as abuse.
    public var withoutCalls: Bool

    public init(interval: Duration = .seconds(30), timeout: Duration = .seconds(10), withoutCalls: Bool = false) {
        self.interval = interval
        self.timeout = timeout
        self.withoutCalls = withoutCalls
    }
}
