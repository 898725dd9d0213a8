import FoundationEssentials
import Glibc
import StellarRuntime
import StellarSystem
import StellarTestKit
import Testing

/// Real helper programs: working ones, and ones that fail, hang or print garbage.
@Suite(.timeLimit(.minutes(10)))
struct CredentialHelperTests {
    /// Writes `docker-credential-NAME`, a shell script, which is run as `docker-credential-NAME get`.
    static func install(_ name: String, _ script: String, in directory: String) throws {
        let path = "\(directory)/docker-credential-\(name)"
        try TemporaryDirectory.write("#!/bin/sh\n[ \"$1\" = get ] || exit 99\n\(script)\n".utf8, to: path)
        try #require(chmod(path, 0o755) == 0)
    }

    private func ask(
        _ script: String,
        server: String = "r.example:5000",
        timeLimit: Duration = CredentialHelper.standardTimeLimit
    ) async throws -> Credentials {
        try await TemporaryDirectory.with { directory in
            try Self.install("test", script, in: directory)
            return try await CredentialHelper(name: "test", file: "c.json").credentials(
                for: server,
                environment: ["PATH": "\(directory):/usr/bin:/bin", "KEEPER": "secret"],
                timeLimit: timeLimit
            )
        }
    }

    @Test func credentialsOfTheHelperAreRead() async throws {
        // The server is on standard input without a line end; the environment is the daemon's.
        let script = #"""
            server=$(cat)
            printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}' "$server" "at $server" "$KEEPER"
            """#
        #expect(try await ask(script) == .basic(user: "at r.example:5000", password: "secret"))
        let token = #"echo '{"ServerURL": "x", "Username": "<token>", "Secret": "refresh"}'"#
        #expect(try await ask(token) == .identityToken("refresh"))
        let empty = #"echo '{"ServerURL": "x", "Username": "", "Secret": ""}'"#
        #expect(try await ask(empty) == .none)
        // As the helpers' own library says it.
        #expect(try await ask("echo credentials not found in native keychain; exit 1") == .none)
    }

    @Test(arguments: [
        ("echo '  the  key\nis lost'; exit 3", "failed with status 3 and said \"the key is lost\""),
        ("kill -9 $$", "was killed by signal 9 and said nothing"),
        ("echo garbage", "printed 8 bytes that are not JSON"), ("true", "printed 0 bytes that are not JSON"),
        ("echo '[1]'", "printed 4 bytes that are not JSON"),
        ("yes", "printed more than \(CredentialHelper.outputLimit) bytes"),
        ("yes >&2", "printed more than \(CredentialHelper.outputLimit) bytes"),
    ])
    func failuresNameHelperFileAndReason(_ script: String, _ reason: String) async throws {
        let failure = await #expect(throws: CredentialHelper.Failure.self) { try await ask(script) }
        #expect(
            failure?.message.hasPrefix("the credential helper 'docker-credential-test', which c.json names, \(reason)")
                == true,
            "\(String(describing: failure))"
        )
        #expect(failure?.message.contains("garbage") == false, "it could be a secret")
    }

    @Test func aHangingHelperIsKilledWithItsChildren() async throws {
        try await TemporaryDirectory.with { directory in
            let script = "sleep 1000 & echo $! > '\(directory)/child'; wait"
            try Self.install("test", script, in: directory)
            let failure = await #expect(throws: CredentialHelper.Failure.self) {
                try await CredentialHelper(name: "test", file: "c.json").credentials(
                    for: "x",
                    environment: ["PATH": "\(directory):/usr/bin:/bin"],
                    timeLimit: .seconds(3)
                )
            }
            #expect(failure?.message.contains("did not answer within 3.0 seconds and was killed") == true)
            guard let child = try? String(contentsOfFile: "\(directory)/child", encoding: .utf8) else { return }
            let pid = try #require(Int32(child.split(whereSeparator: \.isWhitespace).joined()))
            try await eventually("the child has ended", within: .seconds(60)) {
                // A zombie has no command line until init reaps it.
                (ProcFile.commandLine(of: pid) ?? []).isEmpty ? true : nil
            }
        }
    }

    @Test(arguments: ["", "../../bin/sh", "a b", "x;y"])
    func aNameWithAPathIsRefused(_ name: String) async {
        let helper = CredentialHelper(name: name, file: "c.json")
        let failure = await #expect(throws: CredentialHelper.Failure.self) {
            try await helper.credentials(for: "x", environment: ["PATH": "/usr/bin"])
        }
        #expect(failure?.message.contains("has an invalid name") == true)
    }

    @Test func sourcesAreInSearchOrder() throws {
        let config = try DockerConfig(
            parsing: Data(
                """
                {"auths": {"https://index.docker.io/v1/": {}, "a.example": {"auth": "dTpw"}, "b.example": {}},
                 "credHelpers": {"a.example": "own"}, "credsStore": "all"}
                """.utf8
            ),
            file: "c.json"
        )
        func helper(_ name: String, _ server: String) -> DockerConfig.Source {
            .helper(CredentialHelper(name: name, file: "c.json"), server: server)
        }
        #expect(
            try config.sources(for: "a.example") == [
                helper("own", "a.example"), .entry(.basic(user: "u", password: "p")), helper("all", "a.example"),
            ]
        )
        #expect(try config.sources(for: "b.example") == [helper("all", "b.example")])
        #expect(try config.sources(for: "docker.io") == [helper("all", "https://index.docker.io/v1/")])
        #expect(try config.sources(for: "other.example:1") == [helper("all", "other.example:1")])
    }
}
