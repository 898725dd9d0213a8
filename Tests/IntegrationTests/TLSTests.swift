import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// The built daemon and `sctl` with real certificates: connections that work, and errors with reason and fix.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct TLSTests {
    /// An authority and its certificates, in the host's folder.
    private struct Certificates {
        var authority: TestAuthority
        var server: TestAuthority.Issued
        var client: TestAuthority.Issued

        init(_ host: StellarHost, name: String = "ca") async throws {
            authority = try await TestAuthority(directory: host.directory, name: name)
            server = try await authority.issue("node", names: ["IP:127.0.0.1"], for: .server, file: "\(name)-node")
            client = try await authority.issue("admin", for: .client, file: "\(name)-admin")
        }

        var serverFlags: [String] { ["--tls-cert", server.certificate, "--tls-key", server.key] }
        var trust: [String] { ["--ca", authority.certificate] }
        var identity: [String] { ["--cert", client.certificate, "--key", client.key] }
    }

    /// `sctl` must fail with this status and one line, which names the daemon and has all `parts`.
    private func expect(
        _ host: StellarHost,
        _ options: [String],
        _ parts: [String],
        status: Int32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await run(host, options)
        #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
        let isOneLine = result.errors.hasPrefix("level=fatal msg=\"") && result.errors.hasSuffix("\"\n")
        #expect(isOneLine && result.errors.split(separator: "\n").count == 1, sourceLocation: sourceLocation)
        for part in [host.address] + parts {
            #expect(result.errors.contains(part), "\(part): \(result.errors)", sourceLocation: sourceLocation)
        }
    }

    private func run(_ host: StellarHost, _ options: [String]) async throws -> ChildProcess.Result {
        try await ChildProcess.run(
            BuiltProduct.path("sctl"),
            ["--addr", host.address] + options + ["cluster", "nodes"]
        )
    }

    @Test func clientsVerifyTheServerCertificate() async throws {
        try await StellarHost.with(start: false) { host in
            let certificates = try await Certificates(host)
            host.flags = certificates.serverFlags
            try await host.start()
            // An authority by --ca, by --cert alone as in the original, and none.
            for options in [
                certificates.trust, ["--cert", certificates.authority.certificate], ["--skip-verify"],
                certificates.identity + certificates.trust,
            ] {
                let result = try await run(host, options)
                #expect(result.status == 0 && result.output.contains(host.address), "\(options): \(result.errors)")
            }

            let untrusted = ["127.0.0.1", "CN=Test authority ca", "--ca FILE", "--cert FILE"]
            let other = try await TestAuthority(directory: host.directory, name: "other")
            try await expect(host, ["--ca", other.certificate], untrusted, status: 5)
            // The system's roots do not have the authority.
            try await expect(host, certificates.identity, untrusted, status: 5)
            try await expect(host, [], ["TLS", "--ca FILE", "unix socket"], status: 5)
            try await expect(host, ["--ca", "/none.pem"], ["/none.pem", "No such file or directory"], status: 1)
        }
    }

    @Test func clientCertificatesAreRequired() async throws {
        try await StellarHost.with(start: false) { host in
            let certificates = try await Certificates(host)
            host.flags = certificates.serverFlags + ["--tls-client-ca", certificates.authority.certificate]
            host.clientOptions = certificates.trust + certificates.identity
            try await host.start()

            try await expect(host, certificates.trust, ["certificate", "--cert FILE --key FILE"], status: 8)
            let foreign = try await Certificates(host, name: "other")
            let fix = ["--tls-client-ca", "--cert", "--key"]
            try await expect(host, certificates.trust + foreign.identity, ["authority"] + fix, status: 8)
            let old = try await certificates.authority.issue("old", for: .client, expired: true)
            let identity = ["--cert", old.certificate, "--key", old.key]
            try await expect(host, certificates.trust + identity, ["expired"] + fix, status: 8)

            // The CNI plugin has no certificate; it reaches the daemon on its socket.
            let image = try await host.push("busybox", .busybox())
            let app = """
                {"name": "safe", "services": [
                    {"name": "web", "image": "\(image)", "process": {"args": ["sleep", "1000"]}, "network": true,
                     "stop_grace_period": "100ms"}
                ]}
                """
            try await host.sctl("apps", "create", "-f", host.file("app.json", app))
            let records = try await host.sctl("nameserver", "list")
            #expect(records.contains("safe.web.stellar"), "\(records)")
            try await host.sctl("apps", "delete", "safe")
        }
    }

    @Test func badServerCertificatesAreNamed() async throws {
        try await StellarHost.with(start: false) { host in
            let certificates = try await Certificates(host)
            let expired = try await certificates.authority.issue(
                "expired",
                names: ["IP:127.0.0.1"],
                for: .server,
                expired: true
            )
            let misnamed = try await certificates.authority.issue(
                "misnamed",
                names: ["DNS:node.example.test", "IP:10.0.0.1"],
                for: .server
            )
            host.flags = ["--tls-cert", misnamed.certificate, "--tls-key", misnamed.key]
            try await host.start()
            try await expect(
                host,
                certificates.trust,
                ["127.0.0.1", "node.example.test, 10.0.0.1", "--addr"],
                status: 5
            )
            #expect(await host.stop() == 0)

            host.flags = ["--tls-cert", expired.certificate, "--tls-key", expired.key]
            try await host.start()
            try await expect(host, certificates.trust, ["127.0.0.1", "expired on ", "renew", "clock"], status: 5)
            #expect(await host.stop() == 0)

            // The daemon does not start with a certificate that TLS cannot use.
            for (key, parts) in [
                ("/none.key", ["/none.key", "No such file or directory"]),
                (expired.key, [expired.key, "does not match", certificates.server.certificate]),
            ] {
                host.flags = ["--tls-cert", certificates.server.certificate, "--tls-key", key]
                let error = await #expect(throws: StellarHost.DaemonEnded.self) { try await host.start() }
                for part in parts + ["--tls-cert, --tls-key"] {
                    #expect(error?.log.contains(part) == true, "\(part): \(error?.log ?? "")")
                }
            }
        }
    }

    @Test func aDaemonWithoutTLSIsNamed() async throws {
        try await StellarHost.with { host in
            let authority = try await TestAuthority(directory: host.directory)
            try await expect(
                host,
                ["--ca", authority.certificate],
                ["TLS", "--tls-cert", "--cert, --key, --ca and --skip-verify"],
                status: 5
            )
        }
    }

    /// The daemon serves new certificates without a restart: at once on SIGHUP, or at the next connection.
    @Test(arguments: [true, false]) func renewedCertificatesAreServedWithoutARestart(onSignal: Bool) async throws {
        try await StellarHost.with(start: false) { host in
            let old = try await Certificates(host)
            let new = try await Certificates(host, name: "new")
            // Replaces the files of the daemon by renaming, as tools that renew certificates do.
            let (certificate, key) = ("\(host.directory)/served.pem", "\(host.directory)/served.key")
            func serve(_ issued: TestAuthority.Issued) throws {
                for (from, to) in [(issued.certificate, certificate), (issued.key, key)] {
                    try FileManager.default.copyItem(atPath: from, toPath: "\(to).new")
                    #expect(rename("\(to).new", to) == 0)
                }
            }
            try serve(old.server)
            host.flags = ["--tls-cert", certificate, "--tls-key", key]
            try await host.start()
            let daemon = try #require(host.daemon)
            #expect(try await run(host, old.trust).status == 0)
            #expect(try await run(host, new.trust).status == 5)

            // A file that is not a certificate changes nothing.
            try TemporaryDirectory.write("no certificate".utf8, to: certificate)
            if onSignal { daemon.signal(SIGHUP) }
            try await eventually("the daemon reports the bad file") {
                _ = try await run(host, old.trust)
                return host.tailOfLog().split(separator: "\n").contains {
                    $0.contains(certificate) && $0.contains("PEM")
                } ? true : nil
            }
            #expect(try await run(host, old.trust).status == 0)

            try serve(new.server)
            if onSignal { daemon.signal(SIGHUP) }
            try await eventually("the new certificate is served") {
                try await run(host, new.trust).status == 0 ? true : nil
            }
            #expect(try await run(host, old.trust).status == 5)
            // It is the same process.
            #expect(daemon.status == nil)
        }
    }
}
