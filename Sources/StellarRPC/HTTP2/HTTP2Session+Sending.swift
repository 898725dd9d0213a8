import CNghttp2
package import NIOCore

/// The output of a session. The next `produceOutput` writes it.
extension HTTP2Session {
    /// Opens a stream (client).
    ///
    /// - Returns: its identifier.
    /// - Throws: if the connection takes no more streams.
    package func submitRequest(_ headers: [HTTP2Header], gate: SendGate?) throws(HTTP2Error) -> Int32 {
        var provider = Self.bodyProvider
        let stream = withNameValues(headers) {
            nghttp2_submit_request(handle, nil, $0.baseAddress, $0.count, &provider, nil)
        }
        try Self.check(stream)
        outbound[stream] = OutboundBody(gate: gate)
        return stream
    }

    /// Sends response headers (server), to be followed by messages.
    package func submitResponse(_ stream: Int32, _ headers: [HTTP2Header], gate: SendGate?) {
        guard outbound[stream] == nil else { return }
        var provider = Self.bodyProvider
        let result = withNameValues(headers) {
            nghttp2_submit_response(handle, stream, $0.baseAddress, $0.count, &provider)
        }
        if result == 0 { outbound[stream] = OutboundBody(gate: gate) }
    }

    /// Sends a response of one header block that ends the stream (server).
    package func submitTrailersOnly(_ stream: Int32, _ headers: [HTTP2Header]) {
        _ = withNameValues(headers) { nghttp2_submit_response(handle, stream, $0.baseAddress, $0.count, nil) }
    }

    /// Queues a message.
    package func send(_ stream: Int32, message: ByteBuffer) {
        guard let body = outbound[stream] else { return }
        body.framer.append(message)
        pendingBytes += MessageFramer.prefixLength + message.readableBytes
        resume(stream, body)
    }

    /// Ends this side of the stream after the queued messages, with trailers or without.
    package func finish(_ stream: Int32, trailers: [HTTP2Header]?) {
        guard let body = outbound[stream], case .open = body.end else { return }
        body.end = trailers.map { .trailers($0) } ?? .data
        resume(stream, body)
    }

    /// Resets the stream. Drops its queued messages.
    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        dropBody(stream)
        nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// Lets the peer send `count` more bytes on the connection.
    package func consumeConnection(_ count: Int) {
        nghttp2_session_consume_connection(handle, count)
    }

    /// Lets the peer send `count` more bytes on the stream.
    package func consume(_ stream: Int32, _ count: Int) {
        nghttp2_session_consume_stream(handle, stream, count)
    }

    package func ping(_ payload: UInt64) {
        withUnsafeBytes(of: payload) {
            _ = nghttp2_submit_ping(
                handle,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                $0.baseAddress?.assumingMemoryBound(to: UInt8.self)
            )
        }
    }

    /// The first step of a graceful shutdown (RFC 9113 section 6.8): announces it, and refuses no stream yet.
    package func announceGoAway() {
        nghttp2_submit_shutdown_notice(handle)
    }

    /// The second step: streams above the last processed one are refused.
    package func goAway(_ code: HTTP2ErrorCode, debug: String = "") {
        let last = nghttp2_session_get_last_proc_stream_id(handle)
        let bytes = Array(debug.utf8)
        nghttp2_submit_goaway(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, bytes, bytes.count)
    }

    func dropBody(_ stream: Int32) {
        guard let body = outbound.removeValue(forKey: stream) else { return }
        pendingBytes -= body.framer.pendingBytes
        // Below zero the session would hide unsent bytes from the server's memory limit.
        assert(pendingBytes >= 0, "bytes leave the session once")
    }

    private func resume(_ stream: Int32, _ body: OutboundBody) {
        guard body.isDeferred else { return }
        body.isDeferred = false
        nghttp2_session_resume_data(handle, stream)
    }

    private static var bodyProvider: nghttp2_data_provider {
        nghttp2_data_provider(
            source: nghttp2_data_source(),
            read_callback: { _, stream, buffer, length, flags, _, me in
                guard let session = HTTP2Session.from(me), let flags else {
                    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
                }
                return session.readBody(
                    stream,
                    into: UnsafeMutableRawBufferPointer(start: buffer, count: length),
                    flags: flags
                )
            }
        )
    }

    /// Lays a header list out for C: one run of bytes and pointers into it. nghttp2 copies it before it returns.
    func withNameValues<R>(_ headers: [HTTP2Header], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> R) -> R {
        nameValueBytes.removeAll(keepingCapacity: true)
        nameValues.removeAll(keepingCapacity: true)
        for header in headers {
            nameValueBytes.append(contentsOf: header.name.utf8)
            nameValueBytes.append(contentsOf: header.value.utf8)
        }
        return nameValueBytes.withUnsafeMutableBufferPointer { bytes in
            guard var next = bytes.baseAddress else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
            for header in headers {
                let nameLength = header.name.utf8.count
                let valueLength = header.value.utf8.count
                nameValues.append(
                    nghttp2_nv(
                        name: next,
                        value: next + nameLength,
                        namelen: nameLength,
                        valuelen: valueLength,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                    )
                )
                next += nameLength + valueLength
            }
            return nameValues.withUnsafeBufferPointer(body)
        }
    }
}
