/// How a client connects, and what it puts up with.
public struct RPCClientConfiguration: Sendable {
    /// nil speaks plain HTTP/2 with prior knowledge (RFC 9113 section 3.3), as a unix socket always does: who may open that
    /// is said by its file's mode.
    public var tls: RPCTLSConfiguration.Client?

    /// Sent as `user-agent`.
    public var userAgent = "stellar-rpc/1"

    /// A larger response message fails its call with `resourceExhausted` before it is buffered. 16 MiB: four times gRPC's
    /// customary 4 MiB, as containerd's answers (image manifests, snapshots lists) reach that.
    public var maxMessageSize = 16 << 20

    /// One attempt to connect, TLS included; gRPC's connection back-off document has 20 s as well.
    public var connectTimeout: Duration = .seconds(20)

    /// The waits between attempts to connect.
    public var backoff = RPCBackoff()

    /// Pings that find out whether a silent peer is still there; nil sends none (a unix socket needs none).
    public var keepalive: RPCKeepalive?

    /// The receive window of each stream (RFC 9113 section 6.9): bytes that a sender may be ahead of the reader. 1 MiB keeps
    /// a 10 Gbit/s link of 0.8 ms busy.
    public var streamWindow = 1 << 20

    /// Bytes of one call that wait to be written before `send` suspends: two socket buffers' worth.
    public var sendBufferLimit = 256 << 10

    /// Bytes of sent messages kept per call so that it can be replayed on another connection if this one refuses it
    /// unprocessed.
    public var replayBufferLimit = 256 << 10

    /// Attempts of a call that the peer refused unprocessed, the first included; gRPC's service configuration caps at 5 too.
    public var maxAttempts = 5

    public init() {}

    /// TLS or, with nil, none; all else at its default.
    public init(tls: RPCTLSConfiguration.Client?) {
        self.tls = tls
    }
}

/// Exponential back-off with jitter: the n-th wait is `initial × multiplier^(n-1)`, at most `maximum`, times a factor drawn
/// from `1 ± jitter`. See gRPC's "Connection Backoff Protocol"; the first wait is shorter here, as peers are near.
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
    /// The wait for the answer, after which the connection is given up.
    public var timeout: Duration
    /// Whether to ping while no call is open. Many servers count that as abuse.
    public var withoutCalls: Bool

    public init(interval: Duration = .seconds(30), timeout: Duration = .seconds(10), withoutCalls: Bool = false) {
        self.interval = interval
        self.timeout = timeout
        self.withoutCalls = withoutCalls
    }
}
