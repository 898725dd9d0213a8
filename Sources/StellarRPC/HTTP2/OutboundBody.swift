/// What is still to be sent on one stream.
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
    /// nghttp2 was told that there is nothing to send; it has to be told when there is.
    var isDeferred = false
    /// Told of every byte that left the queue.
    let gate: SendGate?

    init(gate: SendGate?) {
        self.gate = gate
    }
}
