import NIOCore
import StellarRPC
import Testing

/// A client and a server on loopback; one of them or both use TLS.
@Suite struct TLSConnectionTests {
    /// The error of a call of the client.
    private func outcome(
        server: RPCTLSConfiguration.Server?,
        client: RPCTLSConfiguration.Client?
    ) async throws -> RPCError? {
        try await withLoopback(
            echoMethods,
            server: RPCServerConfiguration(tls: server),
            client: RPCClientConfiguration(tls: client)
        ) { client, _ in
            await failure { try await client.unary(method("Unary"), ByteBuffer()) }
        }
    }

    @Test func bothOrNoneSpeakTLS() async throws {
        try await TLSFixture.with { fixture in
            let good = try await outcome(server: fixture.serverConfiguration, client: fixture.clientConfiguration)
            #expect(good == nil)
            #expect(try await outcome(server: nil, client: nil) == nil)
        }
    }

    @Test func aPlainClientLearnsThatTheServerSpeaksTLS() async throws {
        try await TLSFixture.with { fixture in
            let error = try await outcome(server: fixture.mutualServerConfiguration, client: nil)
            #expect(error?.code == .unavailable)
            #expect(error?.tls == RPCTLSError(.tlsRequired, "the server speaks TLS"), "\(error as Any)")
            #expect(error?.message.hasPrefix("cannot connect to 127.0.0.1:") == true)
        }
    }

    @Test func aClientLearnsThatTheServerSpeaksNoTLS() async throws {
        try await TLSFixture.with { fixture in
            let error = try await outcome(server: nil, client: fixture.clientConfiguration)
            #expect(error?.code == .unavailable)
            #expect(error?.tls == RPCTLSError(.notTLS, "the peer does not speak TLS"), "\(error as Any)")
        }
    }

    /// With TLS 1.3 the client finishes before the server checks its certificate, and gets the error with its first call.
    @Test func aClientWithoutCertificateLearnsWhy() async throws {
        try await TLSFixture.with { fixture in
            let error = try await outcome(
                server: fixture.mutualServerConfiguration,
                client: fixture.clientConfiguration
            )
            #expect(error?.tls?.code == .certificateRequired, "\(error as Any)")
        }
    }

    @Test func aMissingFileIsNamed() async throws {
        try await TLSFixture.with { fixture in
            var configuration = fixture.clientConfiguration
            configuration.trustRoots = .file("/none.pem")
            let error = try await outcome(server: fixture.serverConfiguration, client: configuration)
            #expect(error?.code == .unavailable)
            #expect(error?.tls?.message == "CA certificate /none.pem cannot be read: No such file or directory")
        }
    }
}
