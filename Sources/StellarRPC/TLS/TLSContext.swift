internal import COpenSSL

/// One `SSL_CTX`, which all connections of a client or server share. It is set up once from files; changed files make a new
/// one.
struct TLSContext: ~Copyable, @unchecked Sendable {  // why: SSL_CTX is only read after init, and counted atomically
    private let pointer: OpaquePointer
    private let role: TLSRole

    /// The cipher suites of TLS 1.2 with forward secrecy and authenticated encryption, as all of TLS 1.3 have. RFC 9113,
    /// appendix A forbids the others for HTTP/2.
    private static let cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// `h2` in the form of RFC 7301, section 3.1: a length, then the name.
    static let applicationProtocols: [UInt8] = [2, UInt8(ascii: "h"), UInt8(ascii: "2")]

    init(_ role: TLSRole) throws(RPCTLSError) {
        OpenSSLFailure.clear()
        guard let pointer = SSL_CTX_new(TLS_method()) else {
            throw RPCTLSError(.configuration, "OpenSSL cannot make a context: \(OpenSSLFailure.take().reason)")
        }
        do throws(RPCTLSError) {
            try Self.setUp(pointer, as: role)
        } catch {
            SSL_CTX_free(pointer)
            throw error
        }
        self.pointer = pointer
        self.role = role
    }

    deinit { SSL_CTX_free(pointer) }

    private static func setUp(_ pointer: OpaquePointer, as role: TLSRole) throws(RPCTLSError) {
        _ = COpenSSL_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION)
        _ = SSL_CTX_set_options(
            pointer,
            COpenSSL_SSL_OP_NO_COMPRESSION() | COpenSSL_SSL_OP_NO_RENEGOTIATION()
                | COpenSSL_SSL_OP_CIPHER_SERVER_PREFERENCE() | COpenSSL_SSL_OP_NO_TICKET()
        )
        // No session is resumed: a connection lives long, and a resumed one would skip the check of the certificate against
        // trust roots that changed since.
        _ = COpenSSL_SSL_CTX_set_session_cache_mode(pointer, CLong(SSL_SESS_CACHE_OFF))
        _ = SSL_CTX_set_num_tickets(pointer, 0)
        // An idle connection frees its two record buffers (34 KiB).
        _ = COpenSSL_SSL_CTX_set_mode(pointer, CLong(SSL_MODE_RELEASE_BUFFERS))
        guard SSL_CTX_set_cipher_list(pointer, cipherSuites) == 1 else {
            throw RPCTLSError(.configuration, "OpenSSL has none of the cipher suites \(cipherSuites)")
        }
        // OpenSSL would otherwise prompt on the terminal for the passphrase of an encrypted key.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }

        switch role {
        case .client(let configuration): try setUp(pointer, as: configuration)
        case .server(let configuration): try setUp(pointer, as: configuration)
        }
    }

    private static func setUp(_ pointer: OpaquePointer, as client: RPCTLSConfiguration.Client) throws(RPCTLSError) {
        // Returns 0 for success, unlike the others.
        guard
            SSL_CTX_set_alpn_protos(pointer, applicationProtocols, CUnsignedInt(applicationProtocols.count))
                == 0
        else { throw RPCTLSError(.configuration, "OpenSSL cannot offer the protocol h2") }
        if let identity = client.identity { try TLSFiles.use(identity, in: pointer) }
        guard !client.skipVerification else { return SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil) }
        try TLSFiles.trust(client.trustRoots, in: pointer)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    }

    private static func setUp(_ pointer: OpaquePointer, as server: RPCTLSConfiguration.Server) throws(RPCTLSError) {
        SSL_CTX_set_alpn_select_cb(
            pointer,
            { _, selected, selectedLength, offered, offeredLength, _ in
                guard let selected, let selectedLength, let offered,
                    let range = TLSContext.rangeOfHTTP2(
                        in: UnsafeBufferPointer(start: offered, count: Int(offeredLength))
                    )
                else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                selected.pointee = offered + range.lowerBound
                selectedLength.pointee = UInt8(range.count)
                return SSL_TLSEXT_ERR_OK
            },
            nil
        )
        try TLSFiles.use(server.identity, in: pointer)
        switch server.clientCertificates {
        case .none: break
        case .request(let roots):
            try TLSFiles.trust(roots, in: pointer)
            TLSFiles.nameAuthorities(roots, in: pointer)
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        case .require(let roots):
            try TLSFiles.trust(roots, in: pointer)
            TLSFiles.nameAuthorities(roots, in: pointer)
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    /// The range of `h2` in a client's list (length-prefixed names, RFC 7301, section 3.1).
    static func rangeOfHTTP2(in offered: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var index = 0
        while index < offered.count {
            let name = index + 1..<index + 1 + Int(offered[index])
            guard name.upperBound <= offered.count else { return nil }
            if offered[name].elementsEqual("h2".utf8) { return name }
            index = name.upperBound
        }
        return nil
    }

    /// Makes the engine of a connection.
    ///
    /// - Parameter host: for a client, the name or address of the server as it was dialed, unless the configuration has one.
    func makeEngine(host: String?) throws(RPCTLSError) -> TLSEngine {
        OpenSSLFailure.clear()
        guard let ssl = SSL_new(pointer) else {
            throw RPCTLSError(.configuration, "OpenSSL cannot make a connection: \(OpenSSLFailure.take().reason)")
        }
        switch role {
        case .server:
            SSL_set_accept_state(ssl)
            return try TLSEngine(taking: ssl, side: .server)
        case .client(let configuration):
            SSL_set_connect_state(ssl)
            let name = configuration.serverName ?? host ?? "localhost"
            guard configuration.skipVerification || Self.expect(name, of: ssl) else {
                SSL_free(ssl)
                throw RPCTLSError(
                    .configuration,
                    "\"\(name)\" is neither a host name nor an IP address to verify a server by"
                )
            }
            return try TLSEngine(taking: ssl, side: .client(expecting: name))
        }
    }

    /// Requires that the server's certificate is for `name`. Refuses an empty name, which would disable the check, and one with
    /// a NUL byte, which would shorten it.
    private static func expect(_ name: String, of ssl: OpaquePointer) -> Bool {
        guard !name.isEmpty, !name.utf8.contains(0) else { return false }
        let parameters = SSL_get0_param(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return true }
        OpenSSLFailure.clear()
        let absolute = name.hasSuffix(".") ? String(name.dropLast()) : name
        X509_VERIFY_PARAM_set_hostflags(parameters, CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return !absolute.isEmpty && X509_VERIFY_PARAM_set1_host(parameters, absolute, 0) == 1
            && COpenSSL_SSL_set_tlsext_host_name(ssl, absolute) == 1
    }
}

/// The side of a handshake, with its configuration.
enum TLSRole: Sendable, Hashable {
    case client(RPCTLSConfiguration.Client)
    case server(RPCTLSConfiguration.Server)

    var handshakeTimeout: Duration {
        switch self {
        case .client(let configuration): configuration.handshakeTimeout
        case .server(let configuration): configuration.handshakeTimeout
        }
    }

    /// The files and directories of the configuration.
    var paths: [String] {
        func paths(_ identity: RPCTLSConfiguration.Identity?) -> [String] {
            identity.map { [$0.certificateChainFile, $0.privateKeyFile] } ?? []
        }
        func paths(_ roots: RPCTLSConfiguration.TrustRoots) -> [String] {
            switch roots {
            case .system: []
            case .file(let path), .directory(let path): [path]
            }
        }
        switch self {
        case .client(let client):
            return paths(client.identity) + (client.skipVerification ? [] : paths(client.trustRoots))
        case .server(let server):
            switch server.clientCertificates {
            case .none: return paths(server.identity)
            case .request(let roots), .require(let roots): return paths(server.identity) + paths(roots)
            }
        }
    }
}
