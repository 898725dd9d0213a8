package import NIOCore

/// What a session learned from the bytes it was given, in the order of the wire.
package enum HTTP2Event: Sendable, Hashable {
    /// A complete header block: request, response, interim response or trailers.
    case headers(stream: Int32, fields: [HTTP2Header], endStream: Bool)
    /// A header block over the limit. Its fields were decoded, for HPACK's sake, and dropped.
    case headersTooLarge(stream: Int32)
    /// Bytes of DATA frames. They count against the stream's window until `consume` is called with their number.
    case data(stream: Int32, ByteBuffer)
    /// The peer will send nothing more on the stream.
    case endStream(Int32)
    /// We have sent all that we will ever send on the stream.
    case finishedSending(Int32)
    /// RST_STREAM came.
    case reset(Int32, HTTP2ErrorCode)
    /// The stream is over, for whatever reason; nothing more will be heard of it.
    case closed(Int32, HTTP2ErrorCode)
    /// A stream of ours was never opened: its request is certainly not processed.
    case notSent(Int32)
    /// SETTINGS came; the session has applied and acknowledged them. So many streams may we have open now.
    case settings(maxConcurrentStreams: Int)
    case goAway(lastStream: Int32, HTTP2ErrorCode, debug: String)
    case ping
    /// The answer to a PING of ours.
    case pong(UInt64)
    /// A frame that carries nothing: DATA without bytes or end, PRIORITY, WINDOW_UPDATE, unknown types.
    case idleFrame
    /// The peer broke the protocol on one stream; the session resets that stream.
    case streamError(Int32)
}
