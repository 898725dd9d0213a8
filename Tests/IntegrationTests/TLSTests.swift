import FoundationEssentials
import Glibc
import StellarTestKit
import Testing

/// The built daemon and `sctl` with real certificates: what works, and what does not with the reason and the fix.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(20)))
struct TLSTests {
    /// An authority and what it issued, in the host's folder.
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

    /// What `sctl` says and how it ends.
    private func expect(
        _ host: StellarHost,
        _ options: [String],
        _ message: String,
        status: Int32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await run(host, options)
        #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
        #expect(result.errors == "level=fatal msg=\"\(message)\"\n", sourceLocation: sourceLocation)
    }

    private func run(_ host: StellarHost, _ options: [String]) async throws -> ChildProcess.Result {
        try await ChildProcess.run(
            BuiltProduct.path("sctl"),
            ["--addr", host.address] + options + ["cluster", "nodes"]
        )
    }

    @Test func withServerCertificateAlone() async throws {
        try await StellarHost.with(start: false) { host in
            let certificates = try await Certificates(host)
            host.flags = certificates.serverFlags
            try await host.start()
            let cannot = "cannot connect to \(host.address): "

            // An authority by --ca, by --cert alone as in the original, and none.
            for options in [
                certificates.trust, ["--cert", certificates.authority.certificate], ["--skip-verify"],
                certificates.identity + certificates.trust,
            ] {
                let result = try await run(host, options)
                #expect(result.status == 0 && result.output.contains(host.address), "\(options): \(result.errors)")
            }

            let authority = "name the daemon's authority with --ca FILE, or with --cert FILE alone"
            let untrusted =
                "\(cannot)the certificate of 127.0.0.1 is not trusted: no certificate of its issuer"
                + " CN=Test authority ca is known (\(authority))"
            let other = try await TestAuthority(directory: host.directory, name: "other")
            try await expect(host, ["--ca", other.certificate], untrusted, status: 5)
            // The system's roots have no such authority either.
            try await expect(host, certificates.identity, untrusted, status: 5)
            try await expect(
                host,
                [],
                "\(cannot)the server speaks TLS (give the daemon's authority with --ca FILE, or use its unix socket on"
                    + " its own machine)",
                status: 5
            )
            try await expect(
                host,
                ["--ca", "/none.pem"],
                "\(cannot)CA certificate /none.pem cannot be read: No such file or directory",
                status: 1
            )
        }
    }

    @Test func withCertificatesOfClients() async throws {
        try await StellarHost.with(start: false) { host in
            let certificates = try await Certificates(host)
            host.flags = certificates.serverFlags + ["--tls-client-ca", certificates.authority.certificate]
            host.clientOptions = certificates.trust + certificates.identity
            try await host.start()
            let cannot = "cannot connect to \(host.address): "

            try await expect(
                host,
                certificates.trust,
                "\(cannot)the peer requires a certificate of ours (give one with --cert FILE --key FILE)",
                status: 8
            )
            let foreign = try await Certificates(host, name: "other")
            let serves =
                "the daemon serves certificates of its --tls-client-ca alone; give another one with --cert and --key"
            try await expect(
                host,
                certificates.trust + foreign.identity,
                "\(cannot)the peer does not trust the authority of our certificate (\(serves))",
                status: 8
            )
            let old = try await certificates.authority.issue("old", for: .client, expired: true)
            try await expect(
                host,
                certificates.trust + ["--cert", old.certificate, "--key", old.key],
                "\(cannot)the peer finds our certificate expired (\(serves))",
                status: 8
            )

            // The whole path of an app: the CNI plugin, which has no certificate, reaches the daemon on its socket.
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
                "cannot connect to \(host.address): the certificate of 127.0.0.1 is for node.example.test, 10.0.0.1, not"
                    + " for that name (give --addr a name that the certificate has, or the daemon a certificate for this"
                    + " one)",
                status: 5
            )
            #expect(await host.stop() == 0)

            host.flags = ["--tls-cert", expired.certificate, "--tls-key", expired.key]
            try await host.start()
            let result = try await run(host, certificates.trust)
            #expect(result.status == 5)
            let start = "cannot connect to \(host.address): the certificate of 127.0.0.1 expired on "
            let end = "(renew the daemon's certificate, which it reads without a restart; or set the clock right)"
            #expect(result.errors.contains(start) && result.errors.contains(end), "\(result.errors)")
            #expect(await host.stop() == 0)

            // Those that no TLS could be spoken with keep the daemon from starting.
            for (key, reason) in [
                ("/none.key", "key /none.key cannot be read: No such file or directory"),
                (expired.key, "key \(expired.key) does not match certificate \(certificates.server.certificate)"),
            ] {
                host.flags = ["--tls-cert", certificates.server.certificate, "--tls-key", key]
                let error = await #expect(throws: StellarHost.DaemonEnded.self) { try await host.start() }
                #expect(error?.log.contains(reason) == true, "\(error?.log ?? "")")
                #expect(error?.log.contains("--tls-cert, --tls-key") == true, "\(error?.log ?? "")")
            }
        }
    }

    @Test func aPlainDaemonIsNamed() async throws {
        try await StellarHost.with { host in
            let authority = try await TestAuthority(directory: host.directory)
            try await expect(
                host,
                ["--ca", authority.certificate],
                "cannot connect to \(host.address): the peer does not speak TLS (the daemon has no --tls-cert: leave out"
                    + " --cert, --key, --ca and --skip-verify)",
                status: 5
            )
        }
    }

    /// New certificates are served without a restart: at once on SIGHUP, and by themselves when a client comes.
    @Test(arguments: [true, false]) func certificatesAreReadAgain(onSignal: Bool) async throws {
        try await StellarHost.with(start: false) { host in
            let old = try await Certificates(host)
            let new = try await Certificates(host, name: "new")
            // The files that the daemon knows, replaced by renaming as tools that renew certificates do.
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

            // What cannot be used changes nothing.
            try TemporaryDirectory.write("no certificate".utf8, to: certificate)
            if onSignal { daemon.signal(SIGHUP) }
            try await eventually("the daemon says what is wrong") {
                _ = try await run(host, old.trust)
                return host.tailOfLog().contains("certificate \(certificate) is not PEM") ? true : nil
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
