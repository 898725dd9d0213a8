package import NIOCore

/// An event of a session, in the order of the wire.
package enum HTTP2Event: Sendable, Hashable {
    /// A complete header block: request, response, interim response or trailers.
    case headers(stream: Int32, fields: [HTTP2Header], endStream: Bool)
    /// A header block over the limit. Its fields were decoded to keep HPACK's state, and dropped.
    case headersTooLarge(stream: Int32)
    /// Bytes of DATA frames. They count against the stream's window until `consume` is called with their number.
    case data(stream: Int32, ByteBuffer)
    /// The peer has sent END_STREAM with DATA.
    case endStream(Int32)
    /// This side has sent END_STREAM.
    case finishedSending(Int32)
    /// RST_STREAM came.
    case reset(Int32, HTTP2ErrorCode)
    /// The stream is closed, for any reason. No more events of it come.
    case closed(Int32, HTTP2ErrorCode)
    /// A request of this side was not sent: the peer has not processed it.
    case notSent(Int32)
    /// SETTINGS came; the session has applied and acknowledged them. This side may open so many streams.
    case settings(maxConcurrentStreams: Int)
    case goAway(lastStream: Int32, HTTP2ErrorCode, debug: String)
    case ping
    /// The acknowledgement of a PING of this side.
    case pong(UInt64)
    /// A frame that carries nothing: DATA without bytes or end, PRIORITY, WINDOW_UPDATE, unknown types.
    case idleFrame
    /// The peer broke the protocol on one stream; the session resets that stream.
    case streamError(Int32)
}
