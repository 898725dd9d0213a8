import COpenSSL
import NIOCore
import StellarTestKit
import Testing

@testable import StellarRPC

@Suite struct TLSEngineTests {
    @Test(arguments: [1, 7, 100, Int.max])
    func handshakeAndDataInPieces(piece: Int) async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.clientConfiguration, fixture.serverConfiguration)
            pair.exchange(piece: piece)
            #expect(pair.atClient.established?.version == "TLSv1.3")
            #expect(pair.atServer.established?.version == "TLSv1.3")
            #expect(pair.atServer.established?.peerCertificate == nil)
            #expect(pair.atClient.established?.peerCertificate?.subject == "CN=server,O=Stellar")

            pair.atClient.add(pair.client.send(ByteBuffer(string: "ping")))
            pair.exchange(piece: piece)
            pair.atServer.add(pair.server.send(ByteBuffer(string: "pong")))
            pair.exchange(piece: piece)
            #expect(pair.atServer.plaintext == Array("ping".utf8))
            #expect(pair.atClient.plaintext == Array("pong".utf8))

            pair.atClient.add(pair.client.close())
            pair.exchange(piece: piece)
            #expect(pair.atServer.ended)
            #expect(pair.atServer.error == nil && pair.atClient.error == nil)
            #expect(pair.client.send(ByteBuffer(string: "late")).isEmpty)
        }
    }

    @Test func tenMegabytesArriveWhole() async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.clientConfiguration, fixture.serverConfiguration)
            pair.exchange()
            let bytes = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            pair.atClient.add(pair.client.send(ByteBuffer(bytes: bytes)))
            pair.exchange(piece: 65_536)
            #expect(pair.atServer.plaintext == bytes)
        }
    }

    @Test(arguments: ["localhost", "LOCALHOST", "localhost.", "a.example.test", "127.0.0.1", "::1"])
    func acceptsTheNamesOfTheCertificate(host: String) async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.clientConfiguration, fixture.serverConfiguration, host: host)
            pair.exchange()
            #expect(pair.atClient.established != nil, "\(host): \(pair.atClient.error as Any)")
        }
    }

    @Test(arguments: ["other", "example.test", "b.a.example.test", "127.0.0.2", "::2", "server"])
    func refusesOtherNames(host: String) async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.clientConfiguration, fixture.serverConfiguration, host: host)
            pair.exchange()
            #expect(pair.atClient.established == nil)
            #expect(pair.atClient.error?.code == .wrongName)
            let names = "localhost, *.example.test, 127.0.0.1, ::1"
            #expect(
                pair.atClient.error?.message == "the certificate of \(host) is for \(names), not for that name"
            )
            #expect(pair.atServer.error != nil, "the alert reaches the server")
        }
    }

    @Test func configuredNameWinsOverTheDialedOne() async throws {
        try await TLSFixture.with { fixture in
            var configuration = fixture.clientConfiguration
            configuration.serverName = "localhost"
            var pair = try TLSPair(configuration, fixture.serverConfiguration, host: "10.9.9.9")
            pair.exchange()
            #expect(pair.atClient.established != nil)
        }
    }

    @Test(arguments: ["", ".", "a\0b"])
    func refusesNamesThatWouldSwitchTheCheckOff(host: String) async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(client: fixture.clientConfiguration, logger: .silent)
            #expect(throws: RPCTLSError.self) { _ = try source.makeEngine(host: host) }
        }
    }

    @Test func refusesAnUnknownAuthority() async throws {
        try await TLSFixture.with { fixture in
            let other = try await TestAuthority(directory: fixture.directory, name: "other")
            let configuration = RPCTLSConfiguration.Client(trustRoots: .file(other.certificate))
            var pair = try TLSPair(configuration, fixture.serverConfiguration)
            pair.exchange()
            #expect(pair.atClient.error?.code == .untrusted)
            let reason = "is not trusted: no certificate of its issuer CN=Test authority ca is known"
            #expect(pair.atClient.error?.message == "the certificate of localhost \(reason)")
            #expect(pair.atServer.error?.code == .refused)
            #expect(pair.atServer.error?.message == "the peer does not trust the authority of our certificate")
        }
    }

    @Test func skipsVerificationOnlyWhenConfigured() async throws {
        try await TLSFixture.with { fixture in
            let configuration = RPCTLSConfiguration.Client(trustRoots: .system, skipVerification: true)
            var pair = try TLSPair(configuration, fixture.serverConfiguration, host: "any.test")
            pair.exchange()
            #expect(pair.atClient.established != nil)
        }
    }

    @Test func trustsADirectory() async throws {
        try await TLSFixture.with { fixture in
            let configuration = RPCTLSConfiguration.Client(trustRoots: .directory(fixture.directory))
            var pair = try TLSPair(configuration, fixture.serverConfiguration)
            pair.exchange()
            #expect(pair.atClient.established != nil, "\(pair.atClient.error as Any)")
        }
    }

    @Test func refusesAnExpiredCertificate() async throws {
        try await TLSFixture.with { fixture in
            let old = try await fixture.authority.issue("old", names: ["DNS:localhost"], for: .server, expired: true)
            var pair = try TLSPair(fixture.clientConfiguration, .init(identity: fixture.identity(old)))
            pair.exchange()
            #expect(pair.atClient.error?.code == .expired)
            #expect(
                pair.atClient.error?.message.hasPrefix("the certificate of localhost expired on ") == true,
                "\(pair.atClient.error as Any)"
            )
            #expect(pair.atServer.error?.message == "the peer finds our certificate expired")
        }
    }

    @Test func mutualTLSShowsTheClientsCertificate() async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.mutualClientConfiguration, fixture.mutualServerConfiguration)
            pair.exchange()
            let peer = try #require(pair.atServer.established?.peerCertificate)
            #expect(peer.subject == "CN=node1,O=Stellar")
            #expect(peer.commonName == "node1")
            #expect(
                peer.alternativeNames == [
                    .dns("node1"), .ip("10.0.0.1"), .ip("fd00::1"), .uri("spiffe://stellar/node1"),
                    .email("a@example.test"),
                ]
            )
            let printed = try await ChildProcess.check(
                "openssl",
                ["x509", "-in", fixture.client.certificate, "-noout", "-fingerprint", "-sha256"]
            )
            let digits = printed.split(separator: "=").last.map { $0.filter(\.isHexDigit).lowercased() }
            #expect(peer.fingerprint == digits)
        }
    }

    @Test func mutualRefusesAClientWithoutCertificate() async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(fixture.clientConfiguration, fixture.mutualServerConfiguration)
            pair.exchange()
            #expect(pair.atServer.established == nil)
            #expect(pair.atServer.error?.message == "the client sent no certificate, and this server requires one")
            // With TLS 1.3 the client finishes before the server checks.
            #expect(pair.atClient.error?.message == "the peer requires a client certificate")
            #expect(pair.atClient.error?.code == .certificateRequired)
        }
    }

    @Test func mutualRefusesAServerCertificateAsAClients() async throws {
        try await TLSFixture.with { fixture in
            var configuration = fixture.clientConfiguration
            configuration.identity = fixture.identity(fixture.server)
            var pair = try TLSPair(configuration, fixture.mutualServerConfiguration)
            pair.exchange()
            #expect(pair.atServer.established == nil)
            #expect(pair.atServer.error?.code == .untrusted)
        }
    }

    @Test func mutualRefusesAStrangersCertificate() async throws {
        try await TLSFixture.with { fixture in
            let other = try await TestAuthority(directory: fixture.directory, name: "other")
            let stranger = try await other.issue("stranger", for: .client)
            var configuration = fixture.clientConfiguration
            configuration.identity = fixture.identity(stranger)
            for policy in [
                RPCTLSConfiguration.ClientCertificates.require(.file(fixture.authority.certificate)),
                .request(.file(fixture.authority.certificate)),
            ] {
                var pair = try TLSPair(
                    configuration,
                    .init(identity: fixture.identity(fixture.server), clientCertificates: policy)
                )
                pair.exchange()
                #expect(pair.atServer.established == nil)
                #expect(pair.atServer.error?.message.hasPrefix("the client's certificate (CN=stranger") == true)
            }
        }
    }

    /// A client without TLS gets an alert, wherever its first bytes are cut.
    @Test(arguments: [1, 4, 5, 24, 70]) func respondsToPlaintextWithAnAlert(piece: Int) async throws {
        try await TLSFixture.with { fixture in
            var server = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent).makeEngine()
            let session = try HTTP2Session(role: .client, settings: .init())
            var preface = ByteBuffer()
            _ = try session.produceOutput(into: &preface, limit: 1024)
            var outcome = TLSOutcome()
            for bytes in TLSPair.cut(Array(preface.readableBytesView), piece) { outcome.add(server.receive(bytes)) }
            #expect(outcome.error == RPCTLSError(.notTLS, "the peer speaks HTTP/2 without TLS"))
            #expect(outcome.takeBytes() == [21, 3, 1, 0, 2, 2, 10])
        }
    }

    @Test func requestedCertificateMayBeMissing() async throws {
        try await TLSFixture.with { fixture in
            var pair = try TLSPair(
                fixture.clientConfiguration,
                .init(
                    identity: fixture.identity(fixture.server),
                    clientCertificates: .request(.file(fixture.authority.certificate))
                )
            )
            pair.exchange()
            #expect(pair.atServer.established != nil)
            #expect(pair.atServer.established?.peerCertificate == nil)
        }
    }

    // MARK: - Peers that are not ours

    /// A plain OpenSSL client, changed by `setUp`.
    private func foreignClient(_ setUp: (OpaquePointer) -> Void) throws -> TLSEngine {
        let context = try #require(SSL_CTX_new(TLS_method()))
        defer { SSL_CTX_free(context) }
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        let ssl = try #require(SSL_new(context))
        SSL_set_connect_state(ssl)
        setUp(ssl)
        return try TLSEngine(taking: ssl, side: .client(expecting: "test"))
    }

    @Test func refusesAPeerWithoutALPN() async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            var pair = TLSPair(client: try foreignClient { _ in }, server: try source.makeEngine())
            pair.exchange()
            #expect(pair.atServer.established == nil)
            #expect(pair.atServer.error?.code == .noApplicationProtocol)
            #expect(pair.atServer.error?.message.contains("ALPN h2") == true)
        }
    }

    @Test func refusesAPeerOfAnotherProtocol() async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            let client = try foreignClient { _ = SSL_set_alpn_protos($0, [8] + Array("http/1.1".utf8), 9) }
            var pair = TLSPair(client: client, server: try source.makeEngine())
            pair.exchange()
            #expect(pair.atServer.error?.code == .noApplicationProtocol)
            #expect(pair.atClient.error?.code == .noApplicationProtocol)
        }
    }

    @Test func findsHTTP2InAnyPlaceOfTheList() {
        func find(_ bytes: [UInt8]) -> Range<Int>? { bytes.withUnsafeBufferPointer(TLSContext.rangeOfHTTP2(in:)) }
        #expect(find([2, 104, 50]) == 1..<3)
        #expect(find([3, 1, 1, 1, 2, 104, 50]) == 5..<7)
        #expect(find([]) == nil)
        #expect(find([2, 104]) == nil, "cut")
        #expect(find([255, 104, 50]) == nil)
        #expect(find([0, 0, 0]) == nil)
        #expect(find([3, 104, 50, 99]) == nil)
    }

    @Test func refusesOldTLS() async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            var server = try source.makeEngine()
            // A ClientHello that offers TLS 1.0 at most: record 3.1, hello 3.1, one suite, no extensions.
            let hello: [UInt8] = [3, 1] + Array(repeating: 7, count: 32) + [0, 0, 2, 0xc0, 0x13, 1, 0]
            let handshake: [UInt8] = [1, 0, 0, UInt8(hello.count)] + hello
            var outcome = TLSOutcome()
            outcome.add(server.receive(ByteBuffer(bytes: [22, 3, 1, 0, UInt8(handshake.count)] + handshake)))
            #expect(outcome.error?.message == "the peer speaks only TLS older than 1.2")
            #expect(outcome.bytesForPeer.first == 21, "the peer gets an alert")
        }
    }

    @Test func agreesOnTLS12WithForwardSecrecyOnly() async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            func client(_ suites: String) throws -> TLSEngine {
                try foreignClient {
                    _ = SSL_set_alpn_protos($0, [2, 104, 50], 3)
                    _ = SSL_ctrl($0, SSL_CTRL_SET_MAX_PROTO_VERSION, CLong(TLS1_2_VERSION), nil)
                    _ = SSL_set_cipher_list($0, suites)
                }
            }
            var good = TLSPair(client: try client("ECDHE+AESGCM"), server: try source.makeEngine())
            good.exchange()
            #expect(good.atServer.established?.version == "TLSv1.2")
            var weak = TLSPair(client: try client("ECDHE+AES+SHA1:@SECLEVEL=0"), server: try source.makeEngine())
            weak.exchange()
            #expect(weak.atServer.error?.message == "the peer offers no cipher suite that HTTP/2 may use")
        }
    }

    @Test(arguments: [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\0\0\0\0\0\0", "\u{16}\u{3}\u{1}",
    ])
    func plainTextEndsWithAnErrorOrWaits(text: String) async throws {
        try await TLSFixture.with { fixture in
            var server = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent).makeEngine()
            var outcome = TLSOutcome()
            outcome.add(server.receive(ByteBuffer(string: text)))
            #expect((outcome.error != nil) == (text.utf8.count >= 5))
            #expect(outcome.established == nil)
        }
    }

    @Test func everyFlippedByteIsNoticed() async throws {
        try await TLSFixture.with { fixture in
            let clients = try TLSContextSource(client: fixture.clientConfiguration, logger: .silent)
            let servers = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            var position = 0
            while true {
                var pair = TLSPair(client: try clients.makeEngine(host: "localhost"), server: try servers.makeEngine())
                pair.exchange()
                pair.atClient.add(pair.client.send(ByteBuffer(string: "do not touch")))
                var record = pair.atClient.takeBytes()
                guard position < record.count else { break }
                record[position] ^= 0x20
                pair.atServer.add(pair.server.receive(ByteBuffer(bytes: record)))
                #expect(pair.atServer.plaintext.isEmpty, "byte \(position)")
                // A longer length (bytes 3, 4) makes the server wait for the rest.
                #expect(pair.atServer.error != nil || (3...4).contains(position), "byte \(position)")
                position += 1
            }
            #expect(position > 20)
        }
    }

    /// From a fixed seed: bytes of a real handshake, changed at random, never trap and never establish a wrong session.
    @Test func changedHandshakesNeverTrap() async throws {
        try await TLSFixture.with { fixture in
            let clients = try TLSContextSource(client: fixture.mutualClientConfiguration, logger: .silent)
            let servers = try TLSContextSource(server: fixture.mutualServerConfiguration, logger: .silent)
            var state: UInt64 = 0x9e37_79b9_7f4a_7c15
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            for round in 0..<300 {
                var pair = TLSPair(client: try clients.makeEngine(host: "localhost"), server: try servers.makeEngine())
                pair.atClient.add(pair.client.start())
                var steps = 0
                while steps < 6, !(pair.atClient.bytesForPeer.isEmpty && pair.atServer.bytesForPeer.isEmpty) {
                    var toServer = pair.atClient.takeBytes()
                    if steps / 2 == round % 2, !toServer.isEmpty {
                        toServer[random(toServer.count)] ^= UInt8(1 << random(8))
                    }
                    pair.atServer.add(pair.server.receive(ByteBuffer(bytes: toServer)))
                    var toClient = pair.atServer.takeBytes()
                    if round % 3 == 0, !toClient.isEmpty { toClient[random(toClient.count)] ^= UInt8(1 << random(8)) }
                    pair.atClient.add(pair.client.receive(ByteBuffer(bytes: toClient)))
                    steps += 1
                }
                #expect(pair.atServer.established == nil || pair.atServer.established?.peerCertificate != nil)
            }
        }
    }
}
