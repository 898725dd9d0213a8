import CNghttp2
package import NIOCore

/// One HTTP/2 connection (RFC 9113, HPACK RFC 7541) without a socket: bytes in, events out; requests in, bytes out.
///
/// A wrapper of libnghttp2's `mem_recv` and `mem_send`. Its callbacks only record, so nothing re-enters it: after each
/// `receive` and `produceOutput` the owner takes the events. Bound to one thread at a time.
package final class HTTP2Session {
    package enum Role: Sendable {
        case client, server
    }

    package struct Settings: Sendable {
        /// Receive window per stream.
        package var streamWindow = 65_535
        /// Receive window of the whole connection.
        package var connectionWindow = 65_535
        /// Streams that the peer may have open; 0 for clients, as push is off.
        package var maxConcurrentStreams = 0
        /// See RFC 9113 section 6.5.2.
        package var maxHeaderListSize = 16 << 10
        package var maxContinuations = 8

        package init() {}
    }

    /// The session's C state; nil only after a failed `init`.
    var handle: OpaquePointer?
    let role: Role
    let maxHeaderListSize: Int
    var outbound: [Int32: OutboundBody] = [:]
    /// Bytes of unwritten messages of all streams.
    package internal(set) var pendingBytes = 0
    var events: [HTTP2Event] = []

    // The header block being decoded. HTTP/2 never interleaves two.
    var fields: [HTTP2Header] = []
    var fieldsSize = 0
    var fieldsOverflow = false
    /// 0 between blocks.
    var headerBlockStream: Int32 = 0

    // The input of the current `receive`; DATA events are slices of it.
    var input = ByteBuffer()
    var inputBase: UnsafeRawPointer?

    // Scratch for outgoing header lists, kept to save allocations.
    var nameValueBytes: [UInt8] = []
    var nameValues: [nghttp2_nv] = []

    /// Submits preface and SETTINGS, which the first `produceOutput` yields.
    package init(role: Role, settings: Settings) throws(HTTP2Error) {
        self.role = role
        self.maxHeaderListSize = settings.maxHeaderListSize
        var option: OpaquePointer?
        var callbacks: OpaquePointer?
        guard nghttp2_option_new(&option) == 0, nghttp2_session_callbacks_new(&callbacks) == 0 else {
            nghttp2_option_del(option)
            throw HTTP2Error(description: "out of memory")
        }
        defer {
            nghttp2_option_del(option)
            nghttp2_session_callbacks_del(callbacks)
        }
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_continuations(option, settings.maxContinuations)
        Self.install(callbacks)
        let me = Unmanaged.passUnretained(self).toOpaque()
        let made =
            role == .client
            ? nghttp2_session_client_new2(&handle, callbacks, me, option)
            : nghttp2_session_server_new2(&handle, callbacks, me, option)
        try Self.check(made)
        try submitSettings(settings)
    }

    deinit {
        nghttp2_session_del(handle)
    }

    private func submitSettings(_ settings: Settings) throws(HTTP2Error) {
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
        }
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams),
        ]
        if role == .client { entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)) }
        try Self.check(nghttp2_submit_settings(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        let window = Int32(clamping: settings.connectionWindow)
        try Self.check(
            nghttp2_session_set_local_window_size(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window)
        )
    }

    /// Takes bytes of the peer, cut anywhere, and records their events.
    ///
    /// - Throws: on an error that ends the connection. After a lesser violation the session sends GOAWAY and `wantsClose` is
    ///   true.
    package func receive(_ bytes: ByteBuffer) throws(HTTP2Error) {
        input = bytes
        defer {
            input = ByteBuffer()
            inputBase = nil
        }
        let count = bytes.withUnsafeReadableBytes { raw -> Int in
            inputBase = raw.baseAddress
            return nghttp2_session_mem_recv(handle, raw.baseAddress?.assumingMemoryBound(to: UInt8.self), raw.count)
        }
        guard count >= 0 else { throw Self.error(Int32(clamping: count)) }
    }

    /// The events since the last call. Call it until it is empty: an event may cause others.
    package func takeEvents() -> [HTTP2Event] {
        guard !events.isEmpty else { return [] }
        let taken = events
        events.removeAll()
        return taken
    }

    /// Appends output for the peer until none is left or `limit` is passed.
    ///
    /// - Returns: whether more is left.
    package func produceOutput(into buffer: inout ByteBuffer, limit: Int) throws(HTTP2Error) -> Bool {
        while buffer.readableBytes < limit {
            var pointer: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(handle, &pointer)
            guard count >= 0 else { throw Self.error(Int32(clamping: count)) }
            guard count > 0, let pointer else { return false }
            buffer.writeBytes(UnsafeRawBufferPointer(start: pointer, count: count))
        }
        return true
    }

    /// Whether the session expects no more input and has no more output.
    package var wantsClose: Bool {
        nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    /// Whether a header block began and has not ended.
    package var isInHeaderBlock: Bool { headerBlockStream != 0 }

    /// The peer's limit of streams that this side opens.
    var peerMaxConcurrentStreams: Int {
        Int(clamping: nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    static func check(_ result: Int32) throws(HTTP2Error) {
        guard result >= 0 else { throw error(result) }
    }

    static func error(_ code: Int32) -> HTTP2Error {
        HTTP2Error(code: Self.errorCode(code), description: "HTTP/2: " + String(cString: nghttp2_strerror(code)))
    }

    /// The code of GOAWAY for an error of nghttp2. A callback of the session fails only for a peer that exceeds a limit.
    private static func errorCode(_ code: Int32) -> HTTP2ErrorCode {
        switch code {
        case Int32(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue), Int32(NGHTTP2_ERR_PROTO.rawValue): .protocolError
        case Int32(NGHTTP2_ERR_FLOODED.rawValue), Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue),
            Int32(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue):
            .enhanceYourCalm
        default: .internalError
        }
    }
}
