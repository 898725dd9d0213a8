import FoundationEssentials
import StellarRuntime
import StellarTestKit
import Testing

struct RegistryConfigurationTests {
    // MARK: hosts.toml

    @Test func hostsFileIsParsedCompletely() throws {
        let file = try HostsFile(
            parsing: #"""
                # mirrors first
                server = "https://registry-1.docker.io"

                [host."https://mirror.example:5000"]
                  capabilities = ["pull", "resolve"]   # not push
                  ca = "mirror.pem"
                  client = [["/c.pem", "/k.pem"], ["/both.pem", ""]]
                  [host."https://mirror.example:5000".header]
                    x-team = "web"
                    x-many = ['a', "b\u0021"]

                [host.'http://second/path']
                  override_path = true
                  skip_verify = true
                  capabilities = [
                    "pull",
                  ]
                """#,
            file: "/certs.d/docker.io/hosts.toml"
        )
        let mirror = try #require(file.hosts.first)
        #expect(mirror.capabilities == [.pull, .resolve])
        #expect(mirror.authorities == ["/certs.d/docker.io/mirror.pem"])
        #expect(mirror.clients.map(\.key) == ["/k.pem", nil])
        #expect(mirror.headers.map(\.value) == ["web", "a", "b!"])
        #expect(file.hosts.map(\.skipVerify) == [false, true])
        #expect(file.server?.address == "https://registry-1.docker.io")

        let endpoints = RegistryEndpoint.endpoints(for: "docker.io", file: file, plainHTTP: [])
        #expect(
            endpoints.map(\.base) == [
                "https://mirror.example:5000/v2", "http://second/path", "https://registry-1.docker.io/v2",
            ]
        )
        #expect(endpoints.map(\.namespace) == ["docker.io", "docker.io", nil])
    }

    @Test(arguments: [
        ("server = 5", "h.toml:1: 'server' is a number, not a string"),
        ("\nserver = \"ftp://x\"", "h.toml:2: 'ftp://x' is not a registry address"),
        ("server = \"x\"\nskip_verfy = true", "h.toml:2: 'skip_verfy' is unknown"),
        ("[host.\"a\"]\ncapabilities = [\"pul\"]", "h.toml:2: 'pul' is not a capability"),
        ("[host.\"a\"]\nskip_verify = \"true\"", "h.toml:2: 'skip_verify' is a string, not true or false"),
        ("[host.\"a\"]\nca = [1]", "h.toml:2: 'ca' holds a number"),
        ("[host.\"a\"]\nclient = [[\"a\",\"b\",\"c\"]]", "h.toml:2: 'client' holds an array"),
        ("[hosts.\"a\"]", "h.toml:1: the table [hosts.a] is unknown"),
        ("[host.\"a\"]\n[host.\"a\"]", "h.toml:2: the table [host.a] is defined already, in line 1"),
        ("[host.\"a\".header]\nx = \"y\"", "h.toml:1: the table [host.\"a\"] must come before"),
        ("server = \"a", "h.toml:1: the closing \" is missing"),
        ("server = a", "h.toml:1: 'a' is not a value; text needs quotes"),
        ("server \"a\"", "h.toml:1: '=' is missing after 'server'"),
        ("server = \"a\" \"b\"", "h.toml:1: '\"' is unexpected here"),
        ("server = \"a\"\nserver = \"b\"", "h.toml:2: 'server' is set twice"),
        ("[[host]]", "h.toml:1: arrays of tables"),
        ("ca = [\"a\"", "h.toml:1: ',' or ']' is missing"),
        ("ca = [[[[[[[[[[1]]]]]]]]]]", "h.toml:1: arrays are nested too deep"),
        ("server = \"\\q\"", "h.toml:1: '\\q' is not an escape sequence"),
        ("[host.\"a\"]\n[host.\"a\".header]\nx = \"a\\nb\"", "h.toml:3: 'x' is not an HTTP header"),
    ])
    func invalidHostsFileIsNamedWithTheLine(_ text: String, _ message: String) {
        do {
            let file = try HostsFile(parsing: text, file: "h.toml")
            Issue.record("accepted: \(file)")
        } catch {
            #expect(error.message.hasPrefix(message), "\(error)")
            #expect(error.kind == .invalid)
        }
    }

    @Test func plainHTTPIsForLoopbackAndConfiguredRegistries() {
        func base(_ registry: String, plain: Set<String> = []) -> String? {
            RegistryEndpoint.endpoints(for: registry, file: nil, plainHTTP: plain).first?.base
        }
        #expect(base("127.0.0.1:5000") == "http://127.0.0.1:5000/v2")
        #expect(base("127.9.9.9") == "http://127.9.9.9/v2")
        #expect(base("localhost:5000") == "http://localhost:5000/v2")
        #expect(base("[::1]:5000") == "http://[::1]:5000/v2")
        #expect(base("127.0.0.1.example.com") == "https://127.0.0.1.example.com/v2")
        #expect(base("10.0.0.1:5000") == "https://10.0.0.1:5000/v2")
        #expect(base("10.0.0.1:5000", plain: ["10.0.0.1:5000"]) == "http://10.0.0.1:5000/v2")
        #expect(base("10.0.0.1:5000", plain: ["10.0.0.1"]) == "http://10.0.0.1:5000/v2")
        #expect(base("docker.io") == "https://registry-1.docker.io/v2")
    }

    @Test func hostsDirectoriesAreSearchedInOrder() async throws {
        try await TemporaryDirectory.with { directory in
            func write(_ folder: String, _ name: String, _ text: String) throws {
                try FileManager.default.createDirectory(
                    atPath: "\(directory)/\(folder)",
                    withIntermediateDirectories: true
                )
                try TemporaryDirectory.write(text.utf8, to: "\(directory)/\(folder)/\(name)")
            }
            try write("a/_default", "hosts.toml", "server = \"https://default\"")
            try write("a/r.example_5000_", "hosts.toml", "server = \"https://mine\"")
            try write("b/old.example", "ca.crt", "certificate")
            try write("b/bad.example", "hosts.toml", "server =")
            func file(_ registry: String, _ folders: [String]) throws -> HostsFile? {
                try RegistryFiles.hostsFile(for: registry, directories: folders.map { "\(directory)/\($0)" })
            }
            #expect(try file("r.example:5000", ["none", "a"])?.server?.address == "https://mine")
            #expect(try file("other.example", ["a"])?.server?.address == "https://default")
            #expect(try file("other.example", ["b"]) == nil)
            #expect(try file("old.example", ["b"])?.server?.authorities == ["\(directory)/b/old.example/ca.crt"])
            let error = #expect(throws: ImageError.self) { try file("bad.example", ["b"]) }
            #expect(error?.message == "\(directory)/b/bad.example/hosts.toml:1: a value is missing")
        }
    }

    // MARK: docker's config.json

    @Test func credentialsAreFoundOnlyForTheHost() throws {
        let auth = Data("user:pass:word".utf8).base64EncodedString()
        let config = try DockerConfig(
            parsing: Data(
                """
                {"auths":{"https://index.docker.io/v1/":{"auth":"\(auth)"},"r.example:5000":{"identitytoken":"idt"},
                 "t.example":{"registrytoken":"rt"},"bad.example":{"auth":"%%"},"empty.example":{}},
                 "credHelpers":{"h.example":"secretservice"},"other":1}
                """.utf8
            ),
            file: "c.json"
        )
        #expect(try config.credentials(for: "docker.io") == .basic(user: "user", password: "pass:word"))
        #expect(try config.credentials(for: "r.example:5000") == .identityToken("idt"))
        #expect(try config.credentials(for: "r.example") == .none)
        #expect(try config.credentials(for: "t.example") == .registryToken("rt"))
        #expect(try config.credentials(for: "empty.example") == .none)
        let error = #expect(throws: ImageError.self) { try config.credentials(for: "bad.example") }
        #expect(error?.message == "c.json: auths[\"bad.example\"].auth is not base64 of user:password")
        let broken = #expect(throws: ImageError.self) { try DockerConfig(parsing: Data("{".utf8), file: "c.json") }
        #expect(broken?.message.hasPrefix("c.json: ") == true)
    }

    // MARK: WWW-Authenticate

    @Test func challengesAreParsed() {
        let two = AuthChallenge.parse(
            #"Bearer realm="https://auth.example/token",service="r, \"x\"",scope=repository:a/b:pull, Basic realm=here"#
        )
        #expect(two.map(\.scheme) == ["bearer", "basic"])
        #expect(two.first?.parameters["service"] == #"r, "x""#)
        #expect(two.first?.parameters["scope"] == "repository:a/b:pull")
        #expect(two.last?.parameters == ["realm": "here"])
        #expect(AuthChallenge.parse("").isEmpty)
        #expect(AuthChallenge.parse("Basic").map(\.scheme) == ["basic"])
        #expect(AuthChallenge.parse(#"Bearer realm="never closed"#).first?.parameters.isEmpty == true)
        #expect(AuthChallenge.parse("==,\"").isEmpty)
    }

    @Test func waitsGrowAndAreBounded() {
        let retry = RetryPolicy()
        var generator = SystemRandomNumberGenerator()
        for attempt in 1...40 {
            let delay = retry.delay(before: attempt, using: &generator)
            #expect(delay > .zero && delay <= retry.cap)
        }
        #expect(retry.delay(before: 1, retryAfter: .seconds(3600), using: &generator) == retry.cap)
        #expect(retry.delay(before: 1, retryAfter: .seconds(-1), using: &generator) == .zero)
    }
}
