import NIOCore

/// One connection of a client, as its machine sees it.
struct ClientConnectionState {
    var streams: [Int32: ClientMachine.CallID] = [:]
    /// Streams that count against the peer's limit: also those whose call is over and whose RST_STREAM is on its way.
    var openStreams = 0
    /// The peer's SETTINGS say it; nothing is opened before they come.
    var maxConcurrentStreams = 0
    /// What `nghttp2_submit_request` gives out next (RFC 9113 section 5.1.1).
    var nextStream = 1
    /// When the peer's SETTINGS came.
    var readySince: NIODeadline?
    /// Whether a response has come.
    var hasServed = false
    var keepalive: KeepaliveMachine?
    /// It takes no new calls.
    var isDraining = false
    /// Its close was asked for.
    var isClosing = false
    /// Why it ends, if that is known before it does.
    var failure: RPCError?

    var isReady: Bool { readySince != nil }

    /// Identifiers are never used again: 2^30 calls, and another connection goes on.
    var isUsedUp: Bool { nextStream > Int(Int32.max) }

    var hasRoom: Bool { isReady && !isDraining && !isUsedUp && openStreams < maxConcurrentStreams }
}
