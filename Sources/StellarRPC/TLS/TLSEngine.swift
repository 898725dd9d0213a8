internal import COpenSSL
package import NIOCore

/// One TLS connection without a socket: takes the peer's bytes and this side's plaintext, and returns effects, in order.
///
/// ## Design
/// OpenSSL reads from and writes to two memory BIOs. Each call here empties the second one: OpenSSL's output becomes an
/// effect, even when the call failed (an alert gives the peer the reason). After `.failed` or `.ended` the engine returns no
/// more effects. It does not wait or keep time; the driver limits the handshake's time.
package struct TLSEngine: ~Copyable {
    package enum Side: Sendable, Hashable {
        /// The associated value is the name that the server's certificate must be for.
        case client(expecting: String)
        case server
    }

    package enum Effect: Sendable, Equatable {
        /// Ciphertext for the peer.
        case send(ByteBuffer)

        /// The handshake is done, with `h2`. Once.
        case established(TLSEstablished)

        /// Plaintext of the peer.
        case deliver(ByteBuffer)

        /// The peer ended its output (close_notify). Last.
        case ended

        /// The connection has failed. Last.
        case failed(RPCTLSError)
    }

    private enum State {
        case handshaking
        case established
        case done
    }

    /// The piece of plaintext that OpenSSL encrypts between two reads of its output: four records of 16 KiB. So its buffer,
    /// which never shrinks, stays small.
    private static let writeChunkBytes = 65_536

    /// The first bytes of HTTP/2 without TLS (RFC 9113, section 3.4). No TLS record begins with them.
    private static let plaintextOpening = Array("PRI *".utf8)

    /// The alert unexpected_message (RFC 8446, section 6.2). OpenSSL would close without a response. A client that knows the
    /// form of an alert (``PlaintextProbe``) learns from this one that the server speaks TLS.
    private static let plaintextAlert: [UInt8] = [21, 3, 1, 0, 2, 2, 10]

    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let side: Side
    private var state = State.handshaking
    /// A client's first bytes, up to the length of `plaintextOpening`.
    private var opening: [UInt8] = []

    /// Takes over a fresh `SSL`.
    init(taking ssl: OpaquePointer, side: Side) throws(RPCTLSError) {
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw RPCTLSError(.configuration, "OpenSSL is out of memory")
        }
        // An empty BIO means "later", not "end of file".
        _ = COpenSSL_BIO_set_mem_eof_return(input, -1)
        _ = COpenSSL_BIO_set_mem_eof_return(output, -1)
        SSL_set_bio(ssl, input, output)
        self.ssl = ssl
        self.input = input
        self.output = output
        self.side = side
    }

    deinit { SSL_free(ssl) }

    package var isEstablished: Bool { state == .established }

    /// Starts the handshake. A client sends first.
    package mutating func start() -> [Effect] {
        state == .handshaking ? advance() : []
    }

    /// Bytes of the peer, cut anywhere.
    package mutating func receive(_ bytes: ByteBuffer) -> [Effect] {
        guard state != .done, bytes.readableBytes > 0 else { return [] }
        if opening.count < Self.plaintextOpening.count {
            opening += bytes.readableBytesView.prefix(Self.plaintextOpening.count - opening.count)
        }
        let taken = bytes.withUnsafeReadableBytes { BIO_write(input, $0.baseAddress, CInt(clamping: $0.count)) }
        guard taken == bytes.readableBytes else {
            state = .done
            return [.failed(RPCTLSError(.protocolViolation, "OpenSSL is out of memory"))]
        }
        return advance()
    }

    /// Encrypts plaintext for the peer. The driver keeps plaintext until the handshake is done.
    package mutating func send(_ plaintext: ByteBuffer) -> [Effect] {
        guard state == .established else { return [] }
        var effects: [Effect] = []
        var failure: RPCTLSError?
        var ciphertext = ByteBuffer()
        plaintext.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while failure == nil, !rest.isEmpty {
                let chunk = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.writeChunkBytes))
                rest = rest.dropFirst(chunk.count)
                OpenSSLFailure.clear()
                let result = SSL_write(ssl, chunk.baseAddress, CInt(chunk.count))
                if result != CInt(chunk.count) { failure = describe(result) }
                drain(into: &ciphertext)
            }
        }
        if ciphertext.readableBytes > 0 { effects.append(.send(ciphertext)) }
        if let failure {
            state = .done
            effects.append(.failed(failure))
        }
        return effects
    }

    /// Ends the output of this side: close_notify.
    package mutating func close() -> [Effect] {
        guard state != .done else { return [] }
        let established = state == .established
        state = .done
        OpenSSLFailure.clear()
        // During a handshake OpenSSL treats it as an error, and the peer has no use for it.
        if established { SSL_shutdown(ssl) }
        OpenSSLFailure.clear()
        return output(then: nil)
    }

    // MARK: - Steps

    private mutating func advance() -> [Effect] {
        var effects: [Effect] = []
        if state == .handshaking {
            OpenSSLFailure.clear()
            let result = SSL_do_handshake(ssl)
            guard result == 1 else {
                guard !wantsMore(result) else { return output(then: nil) }
                state = .done
                let failure = describe(result)
                guard side == .server, opening == Self.plaintextOpening else {
                    return output(then: .failed(failure))
                }
                OpenSSLFailure.clear()
                return [
                    .send(ByteBuffer(bytes: Self.plaintextAlert)),
                    .failed(RPCTLSError(.notTLS, "the peer speaks HTTP/2 without TLS")),
                ]
            }
            guard agreedOnHTTP2 else {
                state = .done
                SSL_shutdown(ssl)
                OpenSSLFailure.clear()
                return output(then: .failed(Self.noHTTP2))
            }
            state = .established
            effects = output(then: .established(established))
        }
        return effects + read()
    }

    private mutating func read() -> [Effect] {
        var plaintext = ByteBuffer()
        var last: Effect?
        while true {
            OpenSSLFailure.clear()
            // At most the bytes left to decrypt, and at least room for a frame or two.
            let room = max(256, COpenSSL_BIO_pending(input), Int(SSL_pending(ssl)))
            var result: CInt = 0
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                result = SSL_read(ssl, space.baseAddress, CInt(clamping: space.count))
                return max(0, Int(result))
            }
            if result > 0 { continue }
            if SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN {
                state = .done
                SSL_shutdown(ssl)
                OpenSSLFailure.clear()
                last = .ended
            } else if !wantsMore(result) {
                state = .done
                last = .failed(describe(result))
            }
            break
        }
        // OpenSSL's output goes before any response to the plaintext.
        let delivery: [Effect] = plaintext.readableBytes > 0 ? [.deliver(plaintext)] : []
        return output(then: nil) + delivery + (last.map { [$0] } ?? [])
    }

    private func wantsMore(_ result: CInt) -> Bool {
        let error = SSL_get_error(ssl, result)
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
    }

    private func output(then last: Effect?) -> [Effect] {
        var ciphertext = ByteBuffer()
        drain(into: &ciphertext)
        return (ciphertext.readableBytes > 0 ? [.send(ciphertext)] : []) + (last.map { [$0] } ?? [])
    }

    private func drain(into ciphertext: inout ByteBuffer) {
        while case let pending = COpenSSL_BIO_pending(output), pending > 0 {
            let count = ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: pending) { space in
                max(0, Int(BIO_read(output, space.baseAddress, CInt(clamping: space.count))))
            }
            guard count > 0 else { return }
        }
    }

    private var agreedOnHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var length: CUnsignedInt = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual("h2".utf8)
    }

    private var established: TLSEstablished {
        var peer: RPCPeerCertificate?
        if let certificate = SSL_get1_peer_certificate(ssl) {
            // OpenSSL fails the handshake of a client whose certificate is not valid. A caller's subject must not depend on
            // that alone.
            if side != .server || SSL_get_verify_result(ssl) == X509_V_OK { peer = RPCPeerCertificate(certificate) }
            X509_free(certificate)
        }
        return TLSEstablished(
            peerCertificate: peer,
            version: String(cString: SSL_get_version(ssl)),
            cipher: SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? ""
        )
    }

    private static let noHTTP2 = RPCTLSError(.noApplicationProtocol, "the peer does not offer HTTP/2 (ALPN h2)")

    /// The error of the last call, in words that name the side that must change.
    private func describe(_ result: CInt) -> RPCTLSError {
        TLSFailure.describe(
            OpenSSLFailure.take(),
            verification: TLSVerification(ssl),
            side: side,
            handshaking: SSL_is_init_finished(ssl) == 0
        )
    }
}

/// The result of a handshake. A pipeline gets it as a user inbound event, before `channelActive`.
package struct TLSEstablished: Sendable, Equatable {
    /// Verified, unless a client's verification is off.
    package var peerCertificate: RPCPeerCertificate?

    /// `TLSv1.3`
    package var version: String

    /// `TLS_AES_256_GCM_SHA384`
    package var cipher: String
}
