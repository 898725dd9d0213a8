import NIOCore

/// The state of one connection in the client's machine.
struct ClientConnectionState {
    var streams: [Int32: ClientMachine.CallID] = [:]
    /// Streams that count against the peer's limit, also those whose call has ended and whose RST_STREAM is in flight.
    var openStreams = 0
    /// The limit of the peer's SETTINGS; 0 until they come.
    var maxConcurrentStreams = 0
    /// The number that `nghttp2_submit_request` assigns next (RFC 9113 section 5.1.1).
    var nextStream = 1
    /// The time at which the peer's SETTINGS came.
    var readySince: NIODeadline?
    /// Whether a response has come.
    var hasServed = false
    var keepalive: KeepaliveMachine?
    /// Whether it takes no new calls.
    var isDraining = false
    /// Whether its close was requested.
    var isClosing = false
    /// The reason of its end, if known before the channel closes.
    var failure: RPCError?

    var isReady: Bool { readySince != nil }

    /// Whether all stream numbers are used: after 2^30 calls the client needs another connection.
    var isUsedUp: Bool { nextStream > Int(Int32.max) }

    var hasRoom: Bool { isReady && !isDraining && !isUsedUp && openStreams < maxConcurrentStreams }
}
