import FoundationEssentials
import Logging
import StellarCore
import StellarRuntime
import StellarTestKit
import Testing

/// The registry client against servers that break connections, lie, hang, redirect and refuse.
@Suite(.timeLimit(.minutes(10)))
struct RegistrySessionTests {
    private static let blob = [UInt8]((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    private static let layer = Descriptor(
        mediaType: MediaType.ociLayer,
        digest: .sha256(Data(blob)),
        size: Int64(blob.count)
    )

    private func session(
        _ host: String,
        _ name: String = "team/app:1",
        config: String? = nil,
        hosts: String? = nil,
        environment: [String: String] = [:],
        stall: Duration = .seconds(120)
    ) throws -> RegistrySession {
        var timeouts = HTTPTimeouts()
        timeouts.stall = stall
        timeouts.connect = .seconds(60)
        var retry = RetryPolicy()
        retry.base = .milliseconds(1)
        retry.cap = .milliseconds(20)
        return try RegistrySession(
            reference: ImageReference.parse("\(host)/\(name)"),
            options: RegistryOptions(
                hostsDirectories: hosts.map { [$0] } ?? [],
                dockerConfigs: config.map { [$0] } ?? []
            ),
            environment: environment,
            http: CurlClient(maximumTransfers: 2),
            timeouts: timeouts,
            retry: retry,
            logger: Logger(label: "test")
        )
    }

    private func fetch(_ session: RegistrySession, from offset: Int64 = 0) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await session.blob(Self.layer, from: offset) { bytes += $0 }
        return bytes
    }

    private func fetch(_ host: String, from offset: Int64 = 0) async throws -> [UInt8] {
        let session = try session(host)
        return try await fetch(session, from: offset)
    }

    /// Serves the blob with ranges, `count` bytes at most each time before the connection is cut.
    private static func cut(_ request: FakeRegistry.Request, after count: Int) -> FakeRegistry.Response {
        guard let range = request.headers["range"] else { return .init(200, body: blob, cutAfter: count) }
        let first = Int(range.dropFirst("bytes=".count).dropLast()) ?? 0
        return .init(
            206,
            headers: [("Content-Range", "bytes \(first)-\(blob.count - 1)/\(blob.count)")],
            body: Array(blob[first...]),
            cutAfter: count
        )
    }

    @Test func brokenTransfersResumeWhereTheyBroke() async throws {
        try await FakeRegistry.with({ Self.cut($0, after: 60_000) }) { fake in
            let bytes1 = try await fetch(fake.host)
            #expect(bytes1 == Self.blob)
            #expect(
                fake.requests.map { $0.headers["range"] } == [nil, "bytes=60000-", "bytes=120000-", "bytes=180000-"]
            )
        }
    }

    @Test func serverWithoutRangesIsReadAgainFromTheStart() async throws {
        let calls = Recorded(0)
        try await FakeRegistry.with({ _ in
            calls.update { $0 += 1 }
            return .init(200, body: Self.blob, cutAfter: calls.value == 1 ? 70_000 : nil)
        }) { fake in
            let bytes2 = try await fetch(fake.host)
            #expect(bytes2 == Self.blob)
            let bytes3 = try await fetch(fake.host, from: 150_000)
            #expect(bytes3 == Array(Self.blob[150_000...]))
        }
    }

    @Test func retriesWithoutProgressEnd() async throws {
        try await FakeRegistry.with({ _ in .init(200, body: Self.blob, cutAfter: 0) }) { fake in
            let error = await #expect(throws: ImageError.self) { try await fetch(fake.host) }
            #expect(error?.kind == .unavailable)
            #expect(error?.message.contains(Self.layer.digest.description) == true)
            #expect(fake.requests.count == RetryPolicy().attempts)
        }
    }

    @Test func aHangingTransferIsResumed() async throws {
        let calls = Recorded(0)
        try await FakeRegistry.with({ request in
            calls.update { $0 += 1 }
            if calls.value == 1 { return .init(200, body: Self.blob, hangAfter: 50_000) }
            return Self.cut(request, after: .max)
        }) { fake in
            let impatient = try session(fake.host, stall: .seconds(3))
            let bytes4 = try await fetch(impatient)
            #expect(bytes4 == Self.blob)
            #expect(fake.requests.count >= 2)
        }
    }

    @Test func wrongLengthsAreCorrupt() async throws {
        for body in [Self.blob + [0], Array(Self.blob.dropLast())] {
            try await FakeRegistry.with({ _ in .init(200, body: body) }) { fake in
                let error = await #expect(throws: ImageError.self) { try await fetch(fake.host) }
                #expect(error?.kind == .corrupt)
                #expect(error?.message.contains("\(Self.blob.count) bytes") == true, "\(String(describing: error))")
            }
        }
    }

    @Test func manifestThatLiesAboutItsDigestIsCorrupt() async throws {
        try await FakeRegistry.with({ _ in .init(200, body: Self.blob) }) { fake in
            let size = Int64(Self.blob.count)
            let other = Descriptor(mediaType: MediaType.ociManifest, digest: .sha256(Data("x".utf8)), size: size)
            let error = await #expect(throws: ImageError.self) { try await session(fake.host).manifest(other) }
            #expect(error?.kind == .corrupt)
            #expect(error?.message.contains("expected \(other.digest)") == true)
            #expect(error?.message.contains("sent \(Self.layer.digest)") == true)
            let short = Descriptor(mediaType: MediaType.ociManifest, digest: Self.layer.digest, size: size - 1)
            let wrong = await #expect(throws: ImageError.self) { try await session(fake.host).manifest(short) }
            #expect(wrong?.kind == .corrupt)
            #expect(wrong?.message.contains("expected \(size - 1) bytes") == true, "\(String(describing: wrong))")
        }
    }

    @Test func requestsToABusyServerAreRetried() async throws {
        let calls = Recorded(0)
        try await FakeRegistry.with({ _ in
            calls.update { $0 += 1 }
            return switch calls.value {
            case 1: .init(429, headers: [("Retry-After", "0")])
            case 2: .init(503)
            default: .init(200, body: Self.blob)
            }
        }) { fake in
            let bytes5 = try await fetch(fake.host)
            #expect(bytes5 == Self.blob)
            #expect(fake.requests.count == 3)
        }
        try await FakeRegistry.with({ _ in .init(503) }) { fake in
            let error = await #expect(throws: ImageError.self) { try await fetch(fake.host) }
            #expect(error?.kind == .unavailable && error?.message.contains("503") == true)
            #expect(fake.requests.count == RetryPolicy().attempts)
        }
    }

    @Test func redirectsSendNoSecretsToAnotherHost() async throws {
        try await TemporaryDirectory.with { directory in
            try await FakeRegistry.with({ _ in .init(200, body: Self.blob) }) { store in
                let target = store.host
                try await FakeRegistry.with({ request in
                    guard request.headers["authorization"] != nil else {
                        return .init(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
                    }
                    return .init(307, headers: [("Location", "http://\(target)/blob?x=1")])
                }) { fake in
                    let auth = Data("u:p".utf8).base64EncodedString()
                    let config = "\(directory)/config.json"
                    try TemporaryDirectory.write(#"{"auths":{"\#(fake.host)":{"auth":"\#(auth)"}}}"#.utf8, to: config)
                    try FileManager.default.createDirectory(
                        atPath: "\(directory)/\(fake.host)",
                        withIntermediateDirectories: true
                    )
                    try TemporaryDirectory.write(
                        "server = \"http://\(fake.host)\"\n[header]\nx-secret = \"s\"\n".utf8,
                        to: "\(directory)/\(fake.host)/hosts.toml"
                    )
                    let redirecting = try session(fake.host, config: config, hosts: directory)
                    let bytes6 = try await fetch(redirecting)
                    #expect(bytes6 == Self.blob)
                    #expect(fake.requests.last?.headers["authorization"] == "Basic \(auth)")
                    #expect(fake.requests.last?.headers["x-secret"] == "s")
                    let arrived = try #require(store.requests.first)
                    #expect(arrived.path == "/blob?x=1")
                    #expect(arrived.headers["authorization"] == nil)
                    #expect(arrived.headers["x-secret"] == nil)
                }
            }
        }
        for location in ["file:///etc/passwd", "/v2/again"] {
            try await FakeRegistry.with({ _ in .init(302, headers: [("Location", location)]) }) { fake in
                let error = await #expect(throws: ImageError.self) { try await fetch(fake.host) }
                #expect(error?.message.contains("redirects") == true, "\(String(describing: error))")
                #expect(fake.requests.count <= 11)
            }
        }
    }

    @Test func expiredTokensAreRenewed() async throws {
        try await TemporaryDirectory.with { directory in
            let tokens = Recorded(0)
            let host = Recorded("")
            try await FakeRegistry.with({ request in
                if request.path.hasPrefix("/token") {
                    tokens.update { $0 += 1 }
                    return .init(200, body: Array(#"{"access_token":"t\#(tokens.value)"}"#.utf8))
                }
                // The first token expires after one request.
                guard request.headers["authorization"] == "Bearer t2" else {
                    let challenge =
                        #"Bearer realm="http://\#(host.value)/token",service="reg",scope="repository:team/app:pull""#
                    return .init(401, headers: [("WWW-Authenticate", challenge)])
                }
                return .init(200, body: Self.blob)
            }) { fake in
                host.update { $0 = fake.host }
                let config = "\(directory)/config.json"
                try TemporaryDirectory.write(#"{"auths":{"\#(fake.host)":{"identitytoken":"id&"}}}"#.utf8, to: config)
                let session = try session(fake.host, config: config)
                let bytes7 = try await fetch(session)
                #expect(bytes7 == Self.blob)
                let bytes8 = try await fetch(session)
                #expect(bytes8 == Self.blob)
                #expect(tokens.value == 2)
                let asked = try #require(fake.requests.first { $0.path == "/token" })
                #expect(asked.method == "POST")
                let form = String(decoding: asked.body, as: UTF8.self)
                #expect(form.contains("refresh_token=id%26") && form.contains("scope=repository%3Ateam%2Fapp%3Apull"))
            }
        }
    }

    /// A registry that requires the user `u` with the password `p`.
    private static func closed(_ request: FakeRegistry.Request) -> FakeRegistry.Response {
        guard request.headers["authorization"] == "Basic \(Data("u:p".utf8).base64EncodedString())" else {
            return .init(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
        }
        return .init(200, body: blob)
    }

    @Test func helpersRunOnceAndOnlyIfTheRegistryRequiresCredentials() async throws {
        try await TemporaryDirectory.with { directory in
            try CredentialHelperTests.install(
                "keeper",
                #"cat >> "\#(directory)/asked"; echo '{"ServerURL": "x", "Username": "u", "Secret": "p"}'"#,
                in: directory
            )
            let environment = ["PATH": "\(directory):/usr/bin:/bin"]
            func asked() -> String? { try? String(contentsOfFile: "\(directory)/asked", encoding: .utf8) }
            let config = "\(directory)/config.json"
            try TemporaryDirectory.write(#"{"credsStore": "keeper"}"#.utf8, to: config)
            try await FakeRegistry.with({ _ in .init(200, body: Self.blob) }) { fake in
                let bytes9 = try await fetch(session(fake.host, config: config, environment: environment))
                #expect(bytes9 == Self.blob && asked() == nil)
            }
            try await FakeRegistry.with(Self.closed) { fake in
                let session = try session(fake.host, config: config, environment: environment)
                let all = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                    for _ in 1...2 { group.addTask { try await fetch(session) } }
                    return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
                }
                #expect(all == [Self.blob, Self.blob])
                #expect(asked() == fake.host)
            }
        }
    }

    @Test func failuresOfHelpersAreReportedOnlyIfTheRegistryRefuses() async throws {
        try await TemporaryDirectory.with { directory in
            try CredentialHelperTests.install("broken", "echo 'the key is lost'; exit 1", in: directory)
            try CredentialHelperTests.install(
                "empty",
                "echo 'credentials not found in native keychain'; exit 1",
                in: directory
            )
            let environment = ["PATH": "\(directory):/usr/bin:/bin"]
            let config = "\(directory)/config.json"
            try await FakeRegistry.with(Self.closed) { fake in
                func refusal(_ text: String) async throws -> String {
                    try TemporaryDirectory.write(text.utf8, to: config)
                    let error = await #expect(throws: ImageError.self) {
                        try await fetch(session(fake.host, config: config, environment: environment))
                    }
                    #expect(error?.kind == .unauthorized)
                    return error?.message ?? ""
                }
                let broken = try await refusal(#"{"credsStore": "broken"}"#)
                #expect(broken.contains("'docker-credential-broken', which \(config) names, failed with status 1"))
                #expect(broken.contains("\"the key is lost\""), "\(broken)")
                let empty = try await refusal(#"{"credHelpers": {"\#(fake.host)": "empty"}}"#)
                #expect(empty.contains("no credentials for \(fake.host)"), "\(empty)")
                #expect(empty.contains("'docker-credential-empty'"), "\(empty)")
                // The file's own credentials precede the helper for all registries, but not the registry's own helper.
                let auth = Data("u:p".utf8).base64EncodedString()
                let auths = #""auths": {"\#(fake.host)": {"auth": "\#(auth)"}}"#
                try TemporaryDirectory.write(#"{"credsStore": "broken", \#(auths)}"#.utf8, to: config)
                let bytes10 = try await fetch(session(fake.host, config: config, environment: environment))
                #expect(bytes10 == Self.blob)
            }
        }
    }

    @Test func retriesEndIfTheRegistryAlwaysRefuses() async throws {
        let host = Recorded("")
        try await FakeRegistry.with({ request in
            if request.path.hasPrefix("/token") { return .init(200, body: Array(#"{"token":"no"}"#.utf8)) }
            return .init(401, headers: [("WWW-Authenticate", #"Bearer realm="http://\#(host.value)/token""#)])
        }) { fake in
            host.update { $0 = fake.host }
            let error = await #expect(throws: ImageError.self) { try await session(fake.host).resolve() }
            #expect(error?.kind == .unauthorized)
            #expect(error?.message.contains("team/app:1") == true && error?.message.contains("docker login") == true)
            #expect(fake.requests.count < 8)
        }
    }

    @Test func mirrorsAreTriedBeforeTheRegistry() async throws {
        let digest = Self.layer.digest.description
        try await TemporaryDirectory.with { directory in
            try await FakeRegistry.with({ _ in .init(404) }) { mirror in
                try await FakeRegistry.with({ _ in
                    .init(
                        200,
                        headers: [("Docker-Content-Digest", digest), ("Content-Type", MediaType.ociManifest)],
                        body: Self.blob
                    )
                }) { origin in
                    let folder = "\(directory)/registry.example"
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    try TemporaryDirectory.write(
                        """
                        server = "http://\(origin.host)"
                        [host."http://\(mirror.host)"]
                        capabilities = ["resolve", "pull"]
                        """.utf8,
                        to: "\(folder)/hosts.toml"
                    )
                    let found = try await session("registry.example", hosts: directory).resolve()
                    #expect(found.digest == Self.layer.digest && found.size == Self.layer.size)
                    #expect(mirror.requests.map(\.path) == ["/v2/team/app/manifests/1?ns=registry.example"])
                    #expect(origin.requests.map(\.method) == ["HEAD"])
                }
            }
        }
    }

    @Test func aReaderThatStopsEndsTheTransfer() async throws {
        struct Enough: Error {}
        try await FakeRegistry.with({ _ in .init(200, body: Self.blob, hangAfter: 100_000) }) { fake in
            await #expect(throws: Enough.self) {
                try await session(fake.host).blob(Self.layer, from: 0) { _ in throw Enough() }
            }
            #expect(fake.requests.count == 1)
        }
        try await FakeRegistry.with({ _ in .init(200, hangAfter: 0) }) { fake in
            let session = try session(fake.host)
            let task = Task { try await session.resolve() }
            try await eventually("the request arrived") { fake.requests.isEmpty ? nil : true }
            task.cancel()
            let result = await task.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }
}
