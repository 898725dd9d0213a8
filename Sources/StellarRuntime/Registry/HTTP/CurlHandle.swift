import CCurl
import FoundationEssentials
import Glibc

/// One libcurl "easy" handle: runs one transfer at a time, on any thread, and keeps its connections for the next one.
final class CurlHandle: @unchecked Sendable {  // why: libcurl allows any thread, one at a time; CurlClient ensures it
    /// Once in the process, before the first handle (curl_global_init(3)).
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let handle: UnsafeMutableRawPointer
    private let reason: UnsafeMutablePointer<CChar>

    /// Nil if libcurl has no memory.
    init?() {
        guard Self.isReady, let handle = curl_easy_init() else { return nil }
        self.handle = handle
        reason = .allocate(capacity: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(handle)
        reason.deallocate()
    }

    /// Runs one exchange to its end and passes head and body to `transfer`. Blocking.
    func perform(_ request: HTTPRequest, into transfer: HTTPTransfer) -> Result<Void, HTTPFailure> {
        curl_easy_reset(handle)
        var headers: UnsafeMutablePointer<curl_slist>?
        for header in request.headers {
            headers = curl_slist_append(headers, "\(header.name): \(header.value)") ?? headers
        }
        // Without this, curl sends "Expect: 100-continue" before a larger body and waits a second for a response that
        // registries do not send.
        headers = curl_slist_append(headers, "Expect:") ?? headers
        defer { curl_slist_free_all(headers) }

        set(CURLOPT_URL, request.url)
        CCurl_setList(handle, CURLOPT_HTTPHEADER, headers)
        configure(request)
        reason.pointee = 0
        CCurl_setPointer(handle, CURLOPT_ERRORBUFFER, reason)
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        CCurl_setPointer(handle, CURLOPT_HEADERDATA, context)
        CCurl_setPointer(handle, CURLOPT_WRITEDATA, context)
        CCurl_setPointer(handle, CURLOPT_XFERINFODATA, context)
        CCurl_setDataCallback(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.receive(headerLine: String(decoding: line, as: UTF8.self)) ? size * count : 0
        }
        CCurl_setDataCallback(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
            let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.receive(body: body) ? size * count : 0
        }
        // Called about once a second even if nothing arrives: ends a transfer that has no reader any more.
        CCurl_setProgressCallback(handle) { context, _, _, _, _ in
            guard let context else { return 1 }
            return Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue().isOver ? 1 : 0
        }
        let code = withExtendedLifetime(transfer) {
            guard let body = request.body else { return curl_easy_perform(handle) }
            return body.withUnsafeBytes { bytes in
                CCurl_setOffset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
                CCurl_setPointer(handle, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
                return curl_easy_perform(handle)
            }
        }
        return code == CURLE_OK ? .success(()) : .failure(failure(code))
    }

    private func set(_ option: CURLoption, _ value: Int) {
        CCurl_setLong(handle, option, value)
    }

    private func set(_ option: CURLoption, _ value: String) {
        CCurl_setString(handle, option, value)
    }

    private func configure(_ request: HTTPRequest) {
        switch request.method {
        case .get: set(CURLOPT_HTTPGET, 1)
        case .head: set(CURLOPT_NOBODY, 1)
        case .post: set(CURLOPT_POST, 1)
        case .put:
            set(CURLOPT_POST, 1)
            set(CURLOPT_CUSTOMREQUEST, "PUT")
        }
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_USERAGENT, "stellar")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // The caller follows redirects: it knows which headers may go to which host.
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // No signals, as they would interrupt other threads; the resolver has its own thread.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NOPROGRESS, 0)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_BUFFERSIZE, Self.readSize)
        set(CURLOPT_MAXCONNECTS, Self.keptConnections)
        set(CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect.milliseconds)
        set(CURLOPT_LOW_SPEED_LIMIT, request.timeouts.lowSpeed)
        set(CURLOPT_LOW_SPEED_TIME, max(1, request.timeouts.stall.milliseconds / 1000))
        if let total = request.timeouts.total { set(CURLOPT_TIMEOUT_MS, total.milliseconds) }
        configureProxy(request.url)
        configureTLS(request.tls)
    }

    /// One read of the socket. 64 KiB keeps the number of callbacks small and fits the second-level cache.
    private static let readSize = 64 << 10
    /// A registry, its token server and the store behind its redirects.
    private static let keptConnections = 3

    /// Sets the proxy. libcurl reads the usual variables, but not `HTTP_PROXY` in upper case, and would use a proxy for
    /// loopback addresses.
    private func configureProxy(_ url: String) {
        if let host = URLParts(url)?.host, Loopback.contains(host) {
            set(CURLOPT_NOPROXY, "*")
        } else if url.lowercased().hasPrefix("http://"), getenv("http_proxy") == nil, let proxy = getenv("HTTP_PROXY") {
            set(CURLOPT_PROXY, String(cString: proxy))
        }
    }

    private func configureTLS(_ tls: TLSSettings) {
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_SSL_VERIFYPEER, tls.skipVerify ? 0 : 1)
        set(CURLOPT_SSL_VERIFYHOST, tls.skipVerify ? 0 : 2)
        if let authorities = tls.authorities {
            // The system's authorities stay trusted: libcurl reads CAPATH in addition to the blob.
            _ = authorities.withUnsafeBytes { bytes in
                CCurl_setBlob(handle, CURLOPT_CAINFO_BLOB, bytes.baseAddress, bytes.count)
            }
        }
        if let certificate = tls.certificate {
            set(CURLOPT_SSLCERT, certificate)
            set(CURLOPT_SSLKEY, tls.key ?? certificate)
        }
    }

    private func failure(_ code: CURLcode) -> HTTPFailure {
        let detail = reason.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: reason)
        let kind: HTTPFailure.Kind =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolved
            case CURLE_COULDNT_CONNECT: .unreachable
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
                CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
                .tls
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT: .invalid
            default: .broken
            }
        return HTTPFailure(kind, detail)
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
