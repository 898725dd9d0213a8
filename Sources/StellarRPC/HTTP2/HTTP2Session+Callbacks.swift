import CNghttp2
import NIOCore

/// The callbacks of nghttp2. They run inside `mem_recv` and `mem_send`, and only record.
extension HTTP2Session {
    static func install(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, me in
            guard let frame, let session = HTTP2Session.from(me) else { return 0 }
            session.beginHeaders(frame.pointee.hd.stream_id)
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            _,
            name,
            nameLength,
            value,
            valueLength,
            _,
            me in
            let goesOn = HTTP2Session.from(me)?.header(
                UnsafeBufferPointer(start: name, count: nameLength),
                UnsafeBufferPointer(start: value, count: valueLength)
            )
            return goesOn == false ? Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) : 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, me in
            guard let frame else { return 0 }
            HTTP2Session.from(me)?.frameReceived(frame)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, me in
            guard let bytes else { return 0 }
            HTTP2Session.from(me)?.dataReceived(stream, UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, me in
            guard let session = HTTP2Session.from(me) else { return 0 }
            session.dropBody(stream)
            if session.headerBlockStream == stream { session.headerBlockStream = 0 }
            session.events.append(.closed(stream, HTTP2ErrorCode(rawValue: code)))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, me in
            guard let frame else { return 0 }
            HTTP2Session.from(me)?.frameSent(frame)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, me in
            guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue,
                frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
            else { return 0 }
            HTTP2Session.from(me)?.events.append(.notSent(frame.pointee.hd.stream_id))
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, _, me in
            guard let frame, let session = HTTP2Session.from(me) else { return 0 }
            session.headerBlockStream = 0
            session.events.append(.streamError(frame.pointee.hd.stream_id))
            return 0
        }
    }

    static func from(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Session? {
        pointer.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    private func beginHeaders(_ stream: Int32) {
        headerBlockStream = stream
        fields = []
        fieldsSize = 0
        fieldsOverflow = false
    }

    /// The multiple of the limit up to which a header list is skipped. A list a little too long fails its call alone. One byte
    /// of HPACK may stand for 4 KiB of table, so a longer list ends the connection.
    private static var skippedListFactor: Int { 8 }

    /// - Returns: false to end the connection.
    private func header(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        fieldsSize += name.count + value.count + HTTP2Header.overhead
        guard fieldsSize <= maxHeaderListSize else {
            fieldsOverflow = true
            fields = []
            return fieldsSize <= maxHeaderListSize * Self.skippedListFactor
        }
        if fields.isEmpty { fields.reserveCapacity(Self.customaryFieldCount) }
        fields.append(HTTP2Header(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        return true
    }

    /// A gRPC request of the common implementations has 8 or 9 fields.
    private static var customaryFieldCount: Int { 10 }

    private func dataReceived(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        let slice: ByteBuffer
        if let start = bytes.baseAddress, let base = inputBase, start >= base,
            let found = input.getSlice(at: input.readerIndex + (start - base), length: bytes.count)
        {
            slice = found
        } else {
            slice = ByteBuffer(bytes: bytes)
        }
        events.append(.data(stream: stream, slice))
    }

    private func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        let stream = header.stream_id
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            // nghttp2 returns the credit of padding itself: the reader never sees it.
            if ends {
                events.append(.endStream(stream))
            } else if header.length == 0 {
                events.append(.idleFrame)
            }
        case NGHTTP2_HEADERS.rawValue:
            if fieldsOverflow {
                events.append(.headersTooLarge(stream: stream))
            } else {
                events.append(.headers(stream: stream, fields: fields, endStream: ends))
            }
            fields = []
            headerBlockStream = 0
        case NGHTTP2_RST_STREAM.rawValue:
            events.append(.reset(stream, HTTP2ErrorCode(rawValue: frame.pointee.rst_stream.error_code)))
        case NGHTTP2_SETTINGS.rawValue:
            guard header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 else { return }
            events.append(.settings(maxConcurrentStreams: peerMaxConcurrentStreams))
        case NGHTTP2_PING.rawValue:
            let acknowledges = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
            let payload = withUnsafeBytes(of: frame.pointee.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) }
            events.append(acknowledges ? .pong(payload) : .ping)
        case NGHTTP2_GOAWAY.rawValue:
            let goAway = frame.pointee.goaway
            let debug = String(
                decoding: UnsafeBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len),
                as: UTF8.self
            )
            events.append(
                .goAway(lastStream: goAway.last_stream_id, HTTP2ErrorCode(rawValue: goAway.error_code), debug: debug)
            )
        case NGHTTP2_WINDOW_UPDATE.rawValue:
            // With an open response body a window update is useful.
            if outbound.isEmpty { events.append(.idleFrame) }
        default:
            events.append(.idleFrame)
        }
    }

    private func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
        let type = UInt32(header.type)
        guard type == NGHTTP2_DATA.rawValue || type == NGHTTP2_HEADERS.rawValue else { return }
        events.append(.finishedSending(header.stream_id))
    }

    /// Fills a DATA frame for nghttp2.
    func readBody(
        _ stream: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let body = outbound[stream] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let count = body.framer.read(into: buffer)
        if count > 0 {
            pendingBytes -= count
            body.gate?.leave(count)
        }
        guard body.framer.isEmpty else { return count }
        switch body.end {
        case .open:
            guard count == 0 else { return count }
            body.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .data:
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        case .trailers(let trailers):
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            _ = withNameValues(trailers) { nghttp2_submit_trailer(handle, stream, $0.baseAddress, $0.count) }
        }
        return count
    }
}
