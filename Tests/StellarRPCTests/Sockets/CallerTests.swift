import NIOCore
import StellarRPC
import StellarTestKit
import Synchronization
import Testing

/// The caller that handlers and authorizers see, and the calls that an authorizer refuses.
@Suite(.timeLimit(.minutes(5))) struct CallerTests {
    /// The caller that a handler sees.
    private func caller(
        unixPath: String? = nil,
        server: RPCTLSConfiguration.Server? = nil,
        client: RPCTLSConfiguration.Client? = nil
    ) async throws -> Caller? {
        let seen = Mutex<Caller?>(nil)
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Who") { _, call in
                seen.withLock { $0 = call.caller }
                return ByteBuffer()
            }
        ]
        try await withLoopback(
            methods,
            unixPath: unixPath,
            server: RPCServerConfiguration(tls: server),
            client: RPCClientConfiguration(tls: client)
        ) { client, _ in
            _ = try await client.unary(method("Who"), ByteBuffer())
        }
        return seen.withLock { $0 }
    }

    @Test func aPlainCallerHasAnAddressAlone() async throws {
        let caller = try #require(try await caller())
        #expect(caller.transport == .tcp)
        #expect(caller.address.hasPrefix("127.0.0.1:"))
        #expect(!caller.usesTLS)
        #expect(caller.subject == nil)
    }

    @Test func aCallerOverAUnixSocketHasItsPath() async throws {
        let path = ConnectionLifeTests.path()
        let caller = try #require(try await caller(unixPath: path))
        #expect(caller == .unix(path: path))
        #expect(caller.transport == .unix)
        #expect(caller.address == "unix://\(path)")
        #expect(!caller.usesTLS)
        #expect(caller.subject == nil)
    }

    @Test func aCallerWithACertificateHasItsSubject() async throws {
        try await TLSFixture.with { fixture in
            let caller = try #require(
                try await caller(server: fixture.mutualServerConfiguration, client: fixture.mutualClientConfiguration)
            )
            #expect(caller.transport == .tcp)
            #expect(caller.address.hasPrefix("127.0.0.1:"))
            #expect(caller.usesTLS)
            #expect(caller.subject == "CN=node1,O=Stellar")
        }
    }

    @Test func aTLSCallerWithoutACertificateHasNoSubject() async throws {
        try await TLSFixture.with { fixture in
            var server = fixture.serverConfiguration
            let notAsked = try #require(try await caller(server: server, client: fixture.mutualClientConfiguration))
            #expect(notAsked.usesTLS)
            #expect(notAsked.subject == nil)
            server.clientCertificates = .request(.file(fixture.authority.certificate))
            let notSent = try #require(try await caller(server: server, client: fixture.clientConfiguration))
            #expect(notSent.usesTLS)
            #expect(notSent.subject == nil)
        }
    }

    // MARK: Authorizers

    private struct Authorizer: RPCAuthorizer {
        let decide: @Sendable (Caller, RPCMethod) throws -> Void

        func authorize(_ caller: Caller, calling method: RPCMethod) async throws { try decide(caller, method) }
    }

    private static let refusing = Authorizer { caller, method in
        throw RPCError(.permissionDenied, "\(caller.transport) \(method.name)", metadata: ["ask": "root"])
    }

    @Test(arguments: ["Unary", "ServerStreaming", "Bidirectional"])
    func aRefusedCallDoesNotReachItsHandler(kind: String) async throws {
        let runs = Counter()
        let methods: [RPCMethodHandler] = [
            .unary(bytes: "Unary") { request, _ in
                runs.add()
                return request
            },
            .serverStreaming(bytes: "ServerStreaming") { _, _ in runs.add() },
            .streaming(bytes: "Bidirectional") { _ in runs.add() },
        ]
        try await withLoopback(methods, authorizer: Self.refusing) { client, _ in
            let error = await failure {
                try await client.withCall(method(kind)) { call in
                    try await call.send(ByteBuffer(string: "request"))
                    // The client of a bidirectional call may still be sending.
                    if kind != "Bidirectional" { call.finishSending() }
                    return try await call.responses.collect()
                }
            }
            #expect(error == RPCError(.permissionDenied, "tcp \(kind)", metadata: ["ask": "root"]))
        }
        #expect(runs.value == 0)
    }

    @Test func anAuthorizerDecidesByCallerAndMethod() async throws {
        try await TLSFixture.with { fixture in
            var server = fixture.serverConfiguration
            server.clientCertificates = .request(.file(fixture.authority.certificate))
            let authorizer = Authorizer { caller, method in
                guard caller.subject == "CN=node1,O=Stellar" || method.name == "Split" else {
                    throw RPCError(.permissionDenied, "no")
                }
            }
            for (configuration, isAllowed) in [
                (fixture.mutualClientConfiguration, true), (fixture.clientConfiguration, false),
            ] {
                try await withLoopback(
                    echoMethods,
                    authorizer: authorizer,
                    server: RPCServerConfiguration(tls: server),
                    client: RPCClientConfiguration(tls: configuration)
                ) { client, _ in
                    let unary = await failure { try await client.unary(method("Unary"), ByteBuffer()) }
                    #expect(unary?.code == (isAllowed ? nil : .permissionDenied))
                    let split = await failure {
                        try await client.withCall(method("Split")) { call in
                            try await call.send(ByteBuffer(string: "a"))
                            call.finishSending()
                            return try await call.responses.collect()
                        }
                    }
                    #expect(split == nil)
                }
            }
        }
    }

    /// An authorizer that cannot decide refuses.
    @Test func anErrorOfAnAuthorizerRefuses() async throws {
        try await withLoopback(echoMethods, authorizer: Authorizer { _, _ in throw OddError() }) { client, _ in
            let error = await failure { try await client.unary(method("Unary"), ByteBuffer()) }
            #expect(error?.code == .unknown)
        }
    }

    /// These services cannot decode the requests: an allowed call fails with `invalidArgument`.
    @Test(arguments: ["grpc.health.v1.Health/Check", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"])
    func healthAndReflectionAreAuthorizedBeforeDecoding(path: String) async throws {
        let parts = path.split(separator: "/").map(String.init)
        let reflection = try RPCReflection(services: [], files: [])
        let services = [RPCHealth().service] + reflection.services
        func error(_ services: [RPCService]) async throws -> RPCError? {
            let server = RPCServer(services: services)
            let client = RPCClient(address: try await server.bind(.tcp(host: "127.0.0.1", port: 0)))
            let error = await failure {
                try await client.withCall(RPCMethod(parts[0], parts[1])) { call in
                    try await call.send(ByteBuffer(bytes: [0x0A, 0xFF]))
                    call.finishSending()
                    return try await call.responses.collect()
                }
            }
            await server.shutdown(grace: .zero)
            await client.close()
            return error
        }
        #expect(try await error(services)?.code == .invalidArgument)
        #expect(try await error(services.map { $0.authorized(by: Self.refusing) })?.code == .permissionDenied)
    }
}
