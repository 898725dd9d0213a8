/// The unsent messages and the end of one stream.
final class OutboundBody {
    enum End {
        /// More may come.
        case open
        /// END_STREAM goes with the last DATA.
        case data
        /// A header block ends the stream.
        case trailers([HTTP2Header])
    }

    var framer = MessageFramer()
    var end = End.open
    /// Whether nghttp2 deferred the body for want of bytes; new bytes must resume it.
    var isDeferred = false
    /// Counts the bytes that leave the queue.
    let gate: SendGate?

    init(gate: SendGate?) {
        self.gate = gate
    }
}
