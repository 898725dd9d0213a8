import NIOCore
import StellarTestKit
import Testing

@testable import StellarRPC

@Suite struct TLSFilesTests {
    private func message(_ configuration: RPCTLSConfiguration.Server) -> String {
        do throws(RPCTLSError) {
            _ = try TLSContextSource(server: configuration, logger: .silent)
            return "no error"
        } catch {
            return error.code == .configuration ? error.message : "code \(error.code)"
        }
    }

    @Test func errorsNameTheFileAndTheReason() async throws {
        try await TLSFixture.with { fixture in
            let directory = fixture.directory
            let (certificate, key) = (fixture.server.certificate, fixture.server.key)
            func server(_ certificate: String, _ key: String) -> RPCTLSConfiguration.Server {
                .init(identity: .init(certificateChainFile: certificate, privateKeyFile: key))
            }
            #expect(message(server(certificate, key)) == "no error")
            #expect(
                message(server("\(directory)/none.pem", key))
                    == "certificate \(directory)/none.pem cannot be read: No such file or directory"
            )
            #expect(
                message(server(certificate, "\(directory)/none.key"))
                    == "key \(directory)/none.key cannot be read: No such file or directory"
            )
            #expect(message(server(directory, key)) == "certificate \(directory) is not a file")
            #expect(
                message(server(certificate, fixture.client.key))
                    == "key \(fixture.client.key) does not match certificate \(certificate)"
            )
            #expect(
                message(server(key, key)) == "certificate \(key) is not PEM: it has no BEGIN line for one"
            )
            #expect(
                message(server(certificate, certificate))
                    == "key \(certificate) is not PEM: it has no BEGIN line for one"
            )
            try TemporaryDirectory.write(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8,
                to: "\(directory)/bad.pem"
            )
            #expect(
                message(server("\(directory)/bad.pem", key)).hasPrefix(
                    "certificate \(directory)/bad.pem cannot be used: "
                )
            )

            let secret = "\(directory)/secret.key"
            try await ChildProcess.check(
                "openssl",
                ["pkey", "-in", key, "-aes128", "-passout", "pass:hidden", "-out", secret]
            )
            #expect(message(server(certificate, secret)) == "key \(secret) is encrypted; decrypt it with openssl pkey")

            func roots(_ roots: RPCTLSConfiguration.TrustRoots) -> RPCTLSConfiguration.Server {
                .init(identity: fixture.identity(fixture.server), clientCertificates: .require(roots))
            }
            #expect(
                message(roots(.file("\(directory)/none.pem")))
                    == "CA certificate \(directory)/none.pem cannot be read: No such file or directory"
            )
            #expect(
                message(roots(.file(key))) == "CA certificate \(key) is not PEM: it has no BEGIN line for one"
            )
            #expect(
                message(roots(.directory("\(directory)/none")))
                    == "CA directory \(directory)/none cannot be read: No such file or directory"
            )
            #expect(message(roots(.system)) == "no error")
        }
    }

    /// The subject that a client sees when it connects at `now`.
    private func subject(_ source: TLSContextSource, _ fixture: TLSFixture, at now: NIODeadline) throws -> String? {
        var pair = TLSPair(
            client: try TLSContextSource(client: fixture.clientConfiguration, logger: .silent)
                .makeEngine(host: "localhost"),
            server: try source.makeEngine(now: now)
        )
        pair.exchange()
        return pair.atClient.established?.peerCertificate?.commonName
    }

    /// Replaces the files as renewal tools do: writes new ones, then renames them.
    private func replace(_ issued: TestAuthority.Issued, with other: TestAuthority.Issued) async throws {
        try await ChildProcess.check("cp", [other.key, issued.key + ".new"])
        try await ChildProcess.check("mv", [issued.key + ".new", issued.key])
        try await ChildProcess.check("cp", [other.certificate, issued.certificate + ".new"])
        try await ChildProcess.check("mv", [issued.certificate + ".new", issued.certificate])
    }

    @Test func renewedFilesServeNewConnectionsWithinASecond() async throws {
        try await TLSFixture.with { fixture in
            let log = LogRecorder()
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: log.logger)
            // Long after the source was made, so that this call is its last check.
            let start = NIODeadline.now() + .hours(1)
            #expect(try subject(source, fixture, at: start) == "server")
            let renewed = try await fixture.authority.issue("renewed", names: ["DNS:localhost"], for: .server)
            try await replace(fixture.server, with: renewed)
            #expect(try subject(source, fixture, at: start + .milliseconds(900)) == "server", "not checked yet")
            #expect(try subject(source, fixture, at: start + .seconds(2)) == "renewed")
            #expect(log.recorded == ["info reloaded changed TLS files "])
        }
    }

    @Test func aBrokenFileKeepsTheOldOneAndIsReportedOnce() async throws {
        try await TLSFixture.with { fixture in
            let log = LogRecorder()
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: log.logger)
            let start = NIODeadline.now()
            try TemporaryDirectory.write("half a fi".utf8, to: fixture.server.certificate)
            for second in 2..<6 {
                #expect(try subject(source, fixture, at: start + .seconds(Int64(second))) == "server")
            }
            #expect(log.recorded.count == 1)
            #expect(log.recorded.first?.hasPrefix("error cannot use changed TLS files") == true)
            #expect(log.recorded.first?.contains(fixture.server.certificate) == true)

            let renewed = try await fixture.authority.issue("renewed", names: ["DNS:localhost"], for: .server)
            try await replace(fixture.server, with: renewed)
            #expect(try subject(source, fixture, at: start + .seconds(9)) == "renewed")
        }
    }

    @Test func reloadIsImmediateAndThrowsTheReason() async throws {
        try await TLSFixture.with { fixture in
            let source = try TLSContextSource(server: fixture.serverConfiguration, logger: .silent)
            let start = NIODeadline.now()
            let renewed = try await fixture.authority.issue("renewed", names: ["DNS:localhost"], for: .server)
            try await replace(fixture.server, with: renewed)
            try source.reload()
            #expect(try subject(source, fixture, at: start) == "renewed")
            try TemporaryDirectory.write([], to: fixture.server.key)
            #expect(throws: RPCTLSError.self) { try source.reload() }
            #expect(try subject(source, fixture, at: start) == "renewed")
        }
    }
}
