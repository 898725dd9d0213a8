/// How a server listens, and how it protects itself from its clients.
public struct RPCServerConfiguration: Sendable {
    /// nil speaks plain HTTP/2 with prior knowledge (RFC 9113 section 3.3), as a unix socket always does: who may open that
    /// is said by its file's mode.
    public var tls: RPCTLSConfiguration.Server?

    /// A larger request message fails its call with `resourceExhausted` before it is buffered.
    public var maxMessageSize = 16 << 20

    /// What one client may do, and what all together.
    public var limits = RPCServerLimits()

    /// Pings that find out whether a silent client is still there; nil sends none.
    public var keepalive: RPCKeepalive? = RPCKeepalive(interval: .seconds(120), timeout: .seconds(20))

    /// The receive window of each stream (RFC 9113 section 6.9): bytes that a client may be ahead of the handler.
    public var streamWindow = 256 << 10

    /// Bytes of one call that wait to be written before `send` suspends.
    public var sendBufferLimit = 256 << 10

    /// The mode of the file of a unix socket: the daemon's owner alone.
    public var unixSocketMode: UInt32 = 0o600

    public init() {}

    /// TLS or, with nil, none; all else at its default.
    public init(tls: RPCTLSConfiguration.Server?) {
        self.tls = tls
    }
}

/// The bounds that keep a server alive on an open port. Each defends against something that has been done to servers.
public struct RPCServerLimits: Sendable, Hashable {
    /// Open connections of the whole server; more are closed at once. Each costs a descriptor and some 20 KiB.
    public var maxConnections = 1024

    /// Calls open at a time on one connection, advertised as SETTINGS_MAX_CONCURRENT_STREAMS. RFC 9113 section 6.5.2
    /// recommends no less than 100.
    public var maxConcurrentStreams = 128

    /// Bytes of one decoded header list, counted as RFC 9113 section 6.5.2 does (name + value + 32 each), advertised as
    /// SETTINGS_MAX_HEADER_LIST_SIZE. gRPC's default is 8 KiB; metadata with a token needs more.
    public var maxHeaderListSize = 16 << 10

    /// Bytes of request messages that wait for handlers, all calls of one connection together. Beyond it the call that
    /// asked for more fails with `resourceExhausted`: windows alone would allow calls × message size.
    public var maxBufferedBytes = 64 << 20

    /// Bytes of requests that wait for handlers and of responses that wait to be written, all connections together. Beyond
    /// it the connection that holds the most is closed with ENHANCE_YOUR_CALM: the limits of one connection times the number
    /// of connections would be more than any host has. Four connections at their own limit, and a quarter of the memory of a
    /// small host.
    public var maxTotalBufferedBytes = 256 << 20

    /// Streams that a client may reset before their answer, in `window`. "Rapid reset" (CVE-2023-44487) opens and cancels
    /// at line rate, past the limit of concurrent streams: 100 000 a second and more, where the busiest honest client
    /// cancels some tens.
    public var maxResets = 1000

    /// Streams that broke the protocol, in `window`; the server itself resets those ("MadeYouReset", CVE-2025-8671).
    public var maxStreamErrors = 1000

    /// PINGs in `window`; each obliges us to answer (CVE-2019-9512).
    public var maxPings = 200

    /// SETTINGS frames in `window`; each obliges us to answer (CVE-2019-9515).
    public var maxSettings = 50

    /// Frames that carry nothing, in `window`: DATA without bytes or end, PRIORITY, WINDOW_UPDATE without open calls
    /// (CVE-2019-9518, CVE-2019-9511).
    public var maxIdleFrames = 2000

    /// CONTINUATION frames of one header block (CVE-2024-27316).
    public var maxContinuations = 8

    /// The span in which the counts above are taken.
    public var window: Duration = .seconds(10)

    /// From the open connection to the client's preface and SETTINGS: a slow-loris holds connections by sending neither.
    public var handshakeTimeout: Duration = .seconds(10)

    /// A frame that began must end within this.
    public var frameTimeout: Duration = .seconds(20)

    /// The time a unary request may go without 4 KiB more or its end. Streams of requests may be silent.
    public var requestTimeout: Duration = .seconds(30)

    /// A connection without calls is asked to go away after this.
    public var idleTimeout: Duration = .seconds(600)

    /// A connection that takes none of the bytes we owe it is closed after this.
    public var writeTimeout: Duration = .seconds(30)

    public init() {}
}
