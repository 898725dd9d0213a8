import StellarCore
import StellarNet
import StellarRPC
import StellarTestKit
import Testing

/// The built plugin against a daemon whose port requires TLS with client certificates.
@Suite(.timeLimit(.minutes(10))) struct IPAMPluginTLSTests {
    private struct Fixture {
        var directory: String
        var daemon: FakeDaemon
        var authority: TestAuthority
        var client: TestAuthority.Issued

        /// Runs the plugin with more members of `ipam`.
        func plugin(_ command: String, _ more: String) async throws -> ChildProcess.Result {
            let peer = try #require(daemon.address)
            let text =
                #"{"cniVersion":"0.3.1","name":"stellar","ipam":{"node_name":"n1","peer_addr":"\#(peer)"\#(more)}}"#
            let file = "\(directory)/netconf"
            try TemporaryDirectory.write(text.utf8, to: file)
            return try await ChildProcess.run(
                "sh",
                ["-c", "exec \"$0\" < \"$1\"", BuiltProduct.path("stellar-cni-ipam"), file],
                environment: [
                    "CNI_COMMAND": command, "CNI_CONTAINERID": "demo.web.0", "CNI_IFNAME": "eth0",
                    "CNI_PATH": directory, "CNI_NETNS": "/none",
                ]
            )
        }

        var identity: String { #","cert":"\#(client.certificate)","key":"\#(client.key)""# }
        var trust: String { #","ca":"\#(authority.certificate)""# }
    }

    private func with(_ body: (Fixture) async throws -> Void) async throws {
        try await TemporaryDirectory.with { directory in
            let authority = try await TestAuthority(directory: directory)
            let server = try await authority.issue("server", names: ["IP:127.0.0.1"], for: .server)
            let daemon = try await FakeDaemon(
                nodeID: "n1",
                subnet: try #require(IPv4Subnet("10.213.0.0/24")),
                socket: "\(directory)/d.sock",
                tls: RPCTLSConfiguration.Server(
                    identity: .init(certificateChainFile: server.certificate, privateKeyFile: server.key),
                    clientCertificates: .require(.file(authority.certificate))
                )
            )
            let client = try await authority.issue("n1", for: .client)
            try await body(Fixture(directory: directory, daemon: daemon, authority: authority, client: client))
            await daemon.stop()
        }
    }

    @Test func addAndDeleteOverMutualTLS() async throws {
        try await with { fixture in
            let added = try await fixture.plugin("ADD", fixture.identity + fixture.trust)
            #expect(added.status == 0 && added.output.contains(#""address": "10.213.0.2/24""#), "\(added.output)")
            #expect(fixture.daemon.books.ids == ["demo.web.0"])
            let deleted = try await fixture.plugin("DEL", fixture.identity + #","skip_verify":true"#)
            #expect(deleted.status == 0 && deleted.output == "", "\(deleted.output)")
            #expect(fixture.daemon.books.ids == [])
        }
    }

    /// The configuration of our own daemon: its socket needs no certificates, whatever its port requires.
    @Test func theSocketIsPreferred() async throws {
        try await with { fixture in
            let socket = #","socket":"\#(fixture.directory)/d.sock""#
            let added = try await fixture.plugin("ADD", socket)
            #expect(added.status == 0, "\(added.output)")
            #expect(fixture.daemon.books.ids == ["demo.web.0"])
        }
    }

    @Test func mismatchedTLSSettingsAreNamedWithTheFix() async throws {
        try await with { fixture in
            let key = #","key":"\#(fixture.client.key)""#
            for (more, reason) in [
                ("", "the server speaks TLS (IPAM config: socket, or cert, key, ca and skip_verify"),
                (fixture.trust, "the peer requires a client certificate (IPAM config:"),
                (fixture.identity, "is not trusted"),
                (key, "IPAM config has key and no cert"),
                (#","ca":"/none/ca.pem""#, "CA certificate /none/ca.pem cannot be read"),
                (#","ca":7"#, "the network configuration on standard input"),
            ] {
                let failed = try await fixture.plugin("ADD", more)
                #expect(failed.status == 1)
                #expect(failed.output.contains(reason), "\(more): \(failed.output)")
                #expect(failed.output.hasPrefix(#"{"code":100,"msg":""#), "\(failed.output)")
            }
            #expect(fixture.daemon.books.ids == [])
        }
    }
}
